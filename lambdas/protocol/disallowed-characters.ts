import type { Message } from './effects';

/**
 * Characters that this broker allows in no string: control characters, noncharacters, and lone surrogates, which are not valid UTF-8
 * [MQTT-1.5.4-1]. The specification lets a receiver treat the others as a malformed packet (MQTT 5.0 section 1.5.4, 3.1.1 section
 * 1.5.3), and SQS rejects message bodies with some of them.
 */
const disallowedCharacter = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u;
const disallowedCharacters = new RegExp(disallowedCharacter, 'gu');

/** Describes allowed text in error messages: `must be text ${allowedTextRule}`. */
export const allowedTextRule = 'without control characters and noncharacters';

/** Returns the first disallowed character of a text, written as `U+FFFF`; undefined if there is none. U+FEFF is allowed anywhere [MQTT-1.5.4-3]. */
export function disallowedCharacterIn(text: string): string | undefined {
  const found = disallowedCharacter.exec(text)?.[0];
  return found && `U+${found.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
}

/** True if a text contains no disallowed character. */
export function isAllowedText(text: string): boolean {
  return !disallowedCharacter.test(text);
}

/**
 * Replaces each disallowed character by `?`. Earlier releases stored texts with such characters; sending them as they are would make a
 * malformed packet.
 */
export function replaceDisallowed(text: string): string {
  return isAllowedText(text) ? text : text.replace(disallowedCharacters, '?');
}

/** Returns the first disallowed character in the topic or in any property of a message, like `disallowedCharacterIn`. */
export function disallowedCharacterInMessage({
  topic,
  properties = {},
}: Pick<Message, 'topic' | 'properties'>): string | undefined {
  const { contentType = '', responseTopic = '', userProperties = [] } = properties;
  return disallowedCharacterIn([topic, contentType, responseTopic, ...userProperties.flat()].join(' '));
}
