/*
 * Proved elsewhere: [v3 MQTT-3.2.2-4], [v3 MQTT-3.2.2-5] by broker/, which sends the CONNACK and closes.
 */
import { describe, expect, test } from '@jest/globals';
import { connackCode, ProtocolError } from '../../lambdas/protocol/reason-codes';
import { clause } from '../support/clause';

describe('connackCode', () => {
  clause('v3 MQTT-3.1.2-2', 'an unsupported protocol level is return code 0x01', () => {
    expect(connackCode(0x84)).toBe(0x01);
  });

  clause('v3 MQTT-3.1.3-9', 'a rejected client id is return code 0x02', () => {
    expect(connackCode(0x85)).toBe(0x02);
  });

  test('an unavailable server is return code 0x03', () => {
    expect(connackCode(0x88)).toBe(0x03);
  });

  test('a bad user name or password is return code 0x04', () => {
    expect(connackCode(0x86)).toBe(0x04);
  });

  test('a client that is not authorized is return code 0x05', () => {
    expect(connackCode(0x87)).toBe(0x05);
  });

  clause('v3 MQTT-3.1.4-1', 'a malformed CONNECT has no return code', () => {
    expect(connackCode(0x81)).toBeUndefined();
  });

  clause('v3 MQTT-3.2.2-6', 'a protocol error has no return code', () => {
    expect(connackCode(0x82)).toBeUndefined();
  });
});

describe('ProtocolError', () => {
  test('has its reason code and its name', () => {
    const error = new ProtocolError(0x95, 'packet has 100000 bytes, more than 98304');

    expect(error.reason).toBe(0x95);
    expect(String(error)).toBe('ProtocolError: packet has 100000 bytes, more than 98304');
  });
});
