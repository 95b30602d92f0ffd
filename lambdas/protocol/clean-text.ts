import type { Message } from './effects';

/**
 * Characters that no string may have here: control characters, noncharacters, and halves of surrogate pairs, which are no text at
 * all [MQTT-1.5.4-1]. A receiver may take the others for a malformed packet (MQTT 5.0 section 1.5.4, 3.1.1 section 1.5.3), and SQS
 * takes no body with some of them.
 */
const uncleanCharacter = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u;
const uncleanCharacters = new RegExp(uncleanCharacter, 'gu');

/** What error messages call the characters that are missing from a clean text. */
export const cleanTextRule = 'without control characters and noncharacters';

/** The first character that a string may not have, as `U+FFFF`; undefined when there is none. U+FEFF may be anywhere [MQTT-1.5.4-3]. */
export function uncleanIn(text: string): string | undefined {
  const found = uncleanCharacter.exec(text)?.[0];
  return found && `U+${found.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
}

export function isClean(text: string): boolean {
  return !uncleanCharacter.test(text);
}

/** The text with `?` in place of each such character: of what an earlier release has stored, no client can be sent more. */
export function cleaned(text: string): string {
  return isClean(text) ? text : text.replace(uncleanCharacters, '?');
}

/** What is unclean in any string of a message, like `uncleanIn`. */
export function uncleanInMessage({
  topic,
  properties = {},
}: Pick<Message, 'topic' | 'properties'>): string | undefined {
  const { contentType = '', responseTopic = '', userProperties = [] } = properties;
  return uncleanIn([topic, contentType, responseTopic, ...userProperties.flat()].join(' '));
}
