import { describe, expect, it } from '@jest/globals';
import { saslPrep } from '../../lambdas/access/sasl-prep';

describe('SASLprep', () => {
  it.each([
    ['I\u00adX', 'IX', 'a soft hyphen becomes nothing'],
    ['user', 'user', 'nothing to do'],
    ['USER', 'USER', 'case counts'],
    ['\u00aa', 'a', 'compatibility characters become what they stand for'],
    ['\u2168', 'IX', 'so does a Roman numeral'],
    ['Zu\u0308rich', 'Zürich', 'accents join their letters'],
    ['a\u00a0b\u3000c', 'a b c', 'every space is a space'],
    ['x\ufe0fy\u200dz', 'xyz', 'what cannot be seen goes'],
    ['😀', '😀', 'a character beyond 16 bits stays, though it is younger than Unicode 3.2'],
  ])('maps %j to %j [RFC 4013 section 3]: %s', (text, prepared) => {
    expect(saslPrep(text)).toBe(prepared);
  });

  it.each([
    '',
    '\u00ad',
    '\u0007',
    'a\u007f',
    'a\u0085',
    'a\u0000',
    '\ue000',
    '\ufdd0',
    '\u{1fffe}',
    '\ud800',
    '\ufffd',
    '\u200e',
    'a\u202eb',
    '\u{e0041}',
  ])('refuses %j [RFC 4013 section 2.3]', (text) => {
    expect(saslPrep(text)).toBeUndefined();
  });
});
