import { allowedTextRule, isAllowedText } from '../protocol/disallowed-characters';
import { checked, string } from '../shared/read-json';

/** Reads a string of MQTT with at least one character. */
export const nonEmptyText = checked(
  string('a text that is not empty', (text) => text !== ''),
  (text, place) => isAllowedText(text) || place.refuse(text, `a text ${allowedTextRule}`),
);
