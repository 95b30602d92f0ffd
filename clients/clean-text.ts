/** Control characters, noncharacters and halves of surrogate pairs: the broker takes a packet with them for malformed [MQTT-1.5.4-1]. */
const unclean = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u;

/** The first character that no string of MQTT may have, as `U+FFFF`; undefined when there is none. */
export function uncleanIn(text: string): string | undefined {
  const found = unclean.exec(text)?.[0];
  return found && `U+${found.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
}

/** The broker would take the packet for malformed and close the connection. */
export class UncleanTextError extends Error {
  override readonly name = 'UncleanTextError';

  constructor(character: string) {
    super(`a string of the message has ${character}, but the broker takes no control characters and noncharacters`);
  }
}
