import { describe, expect, test } from '@jest/globals';
import { connectVersion } from '../../../lambdas/protocol/codec/connect-version';
import { clause } from '../../support/clause';
import { hex } from '../../support/packets';

describe('connectVersion', () => {
  test('is 5 for a CONNECT of MQTT 5.0, even if the rest of it is malformed', () => {
    expect(connectVersion(hex('10 0d 0004 4d515454 05 02 003c 00 0000'))).toBe(5);
    expect(connectVersion(hex('10 07 0004 4d515454 05'))).toBe(5);
    expect(connectVersion(hex('10 0a 0004 4d515454 05 ff ffff'))).toBe(5);
  });

  clause(['MQTT-3.1.2-2', 'v3 MQTT-3.1.2-2'], 'a version that nobody knows is answered as in MQTT 3.1.1', () => {
    for (const level of ['00', '06', '85', 'ff']) {
      expect(connectVersion(hex(`10 0a 0004 4d515454 ${level} 02 003c`))).toBe(4);
    }
  });

  test('the fixed header may have up to five bytes', () => {
    const long = (length: string) => Buffer.concat([hex(`10 ${length} 0004 4d515454 05`), Buffer.alloc(200)]);

    expect(connectVersion(long('cf01'))).toBe(5);
    expect(connectVersion(long('cf8101'))).toBe(5);
    expect(connectVersion(long('cf818001'))).toBe(5);
  });

  test('is 4 for an older CONNECT', () => {
    expect(connectVersion(hex('10 0c 0004 4d515454 04 02 003c 0000'))).toBe(4);
    expect(connectVersion(hex('10 0e 0006 4d5149736470 03 02 003c 0000'))).toBe(4);
    expect(connectVersion(hex('10 0c 0004 4d515454 03 02 003c 0000'))).toBe(4);
  });

  test('is 4 for a CONNECT that ends before its Protocol Level', () => {
    expect(connectVersion(hex('10 00'))).toBe(4);
    expect(connectVersion(hex('10 06 0004 4d515454'))).toBe(4);
    expect(connectVersion(hex('10 07 0004 6d717474 05'))).toBe(4);
    expect(connectVersion(hex('10'))).toBe(4);
    expect(connectVersion(Buffer.alloc(0))).toBe(4);
  });

  test('is 4 for any other packet', () => {
    expect(connectVersion(hex('30 07 0004 4d515454 05'))).toBe(4);
    expect(connectVersion(hex('c0 00'))).toBe(4);
  });
});
