import { disallowedCharacterIn } from '../../lambdas/protocol/disallowed-characters';

/** Checks a topic name [MQTT-3.3.2-2] [MQTT-4.7.3-1]. @throws Error with the reason. */
export function checkTopic(topic: string, name = 'topic'): void {
  if (topic === '') throw new Error(`the ${name} is empty, but needs at least one character`);
  checkText(topic, `the ${name}`);
  const wildcard = /[+#]/.exec(topic)?.[0];
  if (wildcard)
    throw new Error(
      `the ${name} ${JSON.stringify(topic)} contains ${wildcard}, but only filters may contain wildcards`,
    );
}

/** Checks a topic filter [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.8.2-1]. @throws Error with the reason. */
export function checkFilter(filter: string): void {
  checkText(filter, 'the filter');
  const levels = plainFilter(filter).split('/');
  if (levels.join('/') === '')
    throw new Error(`the filter ${JSON.stringify(filter)} is empty, but needs at least one character`);
  for (const [index, level] of levels.entries()) {
    const isMisplaced = level.length > 1 && /[+#]/.test(level);
    if (isMisplaced)
      throw new Error(
        `the filter ${JSON.stringify(filter)} has the level ${level}, but a wildcard must fill its level`,
      );
    if (level === '#' && index < levels.length - 1) {
      throw new Error(`the filter ${JSON.stringify(filter)} has # before its last level`);
    }
  }
}

/** Checks a string of MQTT [MQTT-1.5.4-1]. @throws Error with the reason, which begins with `name`. */
export function checkText(text: string, name: string): void {
  const disallowed = disallowedCharacterIn(text);
  if (disallowed)
    throw new Error(`${name} contains ${disallowed}, but control characters and noncharacters are not allowed`);
}

/** Removes the prefix `$share/group/` of a shared subscription. */
export function plainFilter(filter: string): string {
  return filter.replace(/^\$share\/[^/]+\//, '');
}
