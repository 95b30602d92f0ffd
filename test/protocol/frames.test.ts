/*
 * Known deviation: [v3 MQTT-6.0.0-1] requires binary frames, which API Gateway closes with 1003, so that frames are base64 text.
 */
import { describe, expect, test } from '@jest/globals';
import { formatFrame, parseFrame } from '../../lambdas/protocol/frames';
import { ProtocolError } from '../../lambdas/protocol/reason-codes';
import { hex } from '../support/packets';
import { thrownBy } from '../support/thrown-by';

describe('parseFrame', () => {
  test('reads an unnumbered frame', () => {
    expect(parseFrame('wAA=')).toEqual({ bytes: hex('c000') });
  });

  test('reads a numbered frame', () => {
    expect(parseFrame('1.wAA=')).toEqual({ number: 1, bytes: hex('c000') });
  });

  test('reads the largest number', () => {
    expect(parseFrame('9007199254740991.wAA=')).toEqual({ number: 9007199254740991, bytes: hex('c000') });
  });

  test('reads base64 that needs no padding', () => {
    expect(parseFrame('7.wADA')).toEqual({ number: 7, bytes: hex('c000c0') });
  });

  test('reads + and /', () => {
    expect(parseFrame('+/+/')).toEqual({ bytes: hex('fbffbf') });
  });

  const refused: [problem: string, text: string][] = [
    ['nothing at all', ''],
    ['a number and nothing more', '1.'],
    ['number 0', '0.wAA='],
    ['a leading zero', '01.wAA='],
    ['a negative number', '-1.wAA='],
    ['a sign', '+1.wAA='],
    ['an exponent', '1e3.wAA='],
    ['a hexadecimal number', '0x1.wAA='],
    ['a number that is not exact any more', '9007199254740992.wAA='],
    ['no number before the dot', '.wAA='],
    ['digits of another script', '\u0661.wAA='],
    ['two dots', '1.2.wAA='],
    ['a space', '1. wAA='],
    ['a line break', 'wAA=\n'],
    ['missing padding', 'wAA'],
    ['too much padding', 'wAA=='],
    ['padding in the middle', 'wA==wA=='],
    ['a last character with bits that mean nothing', 'wAB='],
    ['a single character', 'w'],
    ['the alphabet for addresses', '-_-_'],
    ['JSON', '{"message":"Internal server error"}'],
    ['text beyond ASCII', 'w\u00c0A='],
  ];
  for (const [problem, text] of refused) {
    test(`refuses ${problem}`, () => {
      const error = thrownBy(() => parseFrame(text));

      expect(error).toBeInstanceOf(ProtocolError);
      expect(error).toMatchObject({ reason: 0x81 });
    });
  }

  test('does not quote its input in errors', () => {
    expect(String(thrownBy(() => parseFrame('c2VjcmV0!')))).not.toContain('c2VjcmV0');
  });
});

describe('formatFrame', () => {
  test('writes padded base64 without a number', () => {
    expect(formatFrame(hex('d000'))).toBe('0AA=');
  });
});
