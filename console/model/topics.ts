import { disallowedCharacterIn } from '../../lambdas/protocol/disallowed-characters';

/** Throws an `Error` that says why nobody can publish to a topic [MQTT-3.3.2-2] [MQTT-4.7.3-1]. */
export function checkTopic(topic: string, name = 'topic'): void {
  if (topic === '') throw new Error(`the ${name} is empty, but must have a character at least`);
  checkText(topic, `the ${name}`);
  const wildcard = /[+#]/.exec(topic)?.[0];
  if (wildcard)
    throw new Error(`the ${name} ${JSON.stringify(topic)} has ${wildcard}, but only filters may have wildcards`);
}

/** Throws an `Error` that says why nobody can subscribe to a filter [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.8.2-1]. */
export function checkFilter(filter: string): void {
  checkText(filter, 'the filter');
  const levels = plainFilter(filter).split('/');
  if (levels.join('/') === '')
    throw new Error(`the filter ${JSON.stringify(filter)} is empty, but must have a character at least`);
  for (const [index, level] of levels.entries()) {
    const misplaced = level.length > 1 && /[+#]/.test(level);
    if (misplaced)
      throw new Error(`the filter ${JSON.stringify(filter)} has ${level} for a level, but a wildcard stands alone`);
    if (level === '#' && index < levels.length - 1) {
      throw new Error(`the filter ${JSON.stringify(filter)} has # in the middle, but it must be the last level`);
    }
  }
}

/** Throws an `Error` that says why no packet can have this text [MQTT-1.5.4-1]. `name` begins its message. */
export function checkText(text: string, name: string): void {
  const unclean = disallowedCharacterIn(text);
  if (unclean) throw new Error(`${name} has ${unclean}, but must have no control characters and noncharacters`);
}

/** The filter of a subscription without what makes it a shared one, `$share/group/`. */
export function plainFilter(filter: string): string {
  return filter.replace(/^\$share\/[^/]+\//, '');
}
