/*
 * Proved elsewhere: decode.test.ts reads PUBLISH, malformed.test.ts refuses it.
 */
import { describe, expect, test } from '@jest/globals';
import { hasDeclaredFormat } from '../../../lambdas/protocol/codec/decode-publish';
import { hex } from '../../support/packets';

describe('hasDeclaredFormat', () => {
  const declared = { payloadFormatIndicator: true };

  test('a payload with Payload Format Indicator 1 must be UTF-8', () => {
    expect(hasDeclaredFormat({ payload: Buffer.from('\u20ac'), properties: declared })).toBe(true);
    expect(hasDeclaredFormat({ payload: hex('eda080'), properties: declared })).toBe(false);
    expect(hasDeclaredFormat({ payload: hex('e282'), properties: declared })).toBe(false);
  });

  test('an empty payload is UTF-8, and so is U+0000 in it', () => {
    expect(hasDeclaredFormat({ payload: Buffer.alloc(0), properties: declared })).toBe(true);
    expect(hasDeclaredFormat({ payload: hex('6100'), properties: declared })).toBe(true);
  });

  test('a payload with Payload Format Indicator 0, or without one, may be any bytes', () => {
    expect(hasDeclaredFormat({ payload: hex('ff'), properties: { payloadFormatIndicator: false } })).toBe(true);
    expect(hasDeclaredFormat({ payload: hex('ff'), properties: { contentType: 'text/plain' } })).toBe(true);
    expect(hasDeclaredFormat({ payload: hex('ff') })).toBe(true);
  });
});
