import { describe, expect, test } from '@jest/globals';
import { maxOutgoingPacketSize } from '../../lambdas/protocol/limits';
import { clause } from '../support/clause';

describe('maxOutgoingPacketSize', () => {
  clause('MQTT-3.1.2-24', 'is what the client takes', () => {
    expect(maxOutgoingPacketSize({ maximumPacketSize: 1 })).toBe(1);
    expect(maxOutgoingPacketSize({ maximumPacketSize: 98_303 })).toBe(98_303);
  });

  test('is the gateway limit if the limit of the client is higher or absent', () => {
    expect(maxOutgoingPacketSize({ maximumPacketSize: 98_305 })).toBe(98_304);
    expect(maxOutgoingPacketSize({ maximumPacketSize: 0xffff_ffff })).toBe(98_304);
    expect(maxOutgoingPacketSize({})).toBe(98_304);
  });
});
