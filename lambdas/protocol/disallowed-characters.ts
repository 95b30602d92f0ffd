import type { Message } from './effects';

/**
 * Characters that no string may have here: control characters, noncharacters, and halves of surrogate pairs, which are no text at
 * all [MQTT-1.5.4-1]. A receiver may take the others for a malformed packet (MQTT 5.0 section 1.5.4, 3.1.1 section 1.5.3), and SQS
 * takes no body with some of them.
 */
const disallowedCharacter = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u;
const disallowedCharacters = new RegExp(disallowedCharacter, 'gu');

/** What error messages call the characters that are missing from a clean text. */
export const allowedTextRule = 'without control characters and noncharacters';

/** The first character that a string may not have, as `U+FFFF`; undefined when there is none. U+FEFF may be anywhere [MQTT-1.5.4-3]. */
export function disallowedCharacterIn(text: string): string | undefined {
  const found = disallowedCharacter.exec(text)?.[0];
  return found && `U+${found.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
}

export function isAllowedText(text: string): boolean {
  return !disallowedCharacter.test(text);
}

/** The text with `?` in place of each such character: of what an earlier release has stored, no client can be sent more. */
export function replaceDisallowed(text: string): string {
  return isAllowedText(text) ? text : text.replace(disallowedCharacters, '?');
}

/** What is unclean in any string of a message, like `uncleanIn`. */
export function disallowedCharacterInMessage({
  topic,
  properties = {},
}: Pick<Message, 'topic' | 'properties'>): string | undefined {
  const { contentType = '', responseTopic = '', userProperties = [] } = properties;
  return disallowedCharacterIn([topic, contentType, responseTopic, ...userProperties.flat()].join(' '));
}
