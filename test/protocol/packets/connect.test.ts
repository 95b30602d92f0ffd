/*
 * Proved elsewhere:
 *   decode.test.ts, malformed.test.ts: [v3 MQTT-3.1.2-1] to [v3 MQTT-3.1.2-3], [v3 MQTT-3.1.2-9], [v3 MQTT-3.1.2-11], [v3 MQTT-3.1.2-13]
 *     to [v3 MQTT-3.1.2-15], [v3 MQTT-3.1.2-18] to [v3 MQTT-3.1.2-22], [v3 MQTT-3.1.3-1], [v3 MQTT-3.1.3-3], [v3 MQTT-3.1.3-4],
 *     [v3 MQTT-3.1.3-10], [v3 MQTT-3.1.3-11], [v3 MQTT-3.1.4-1], [v3 MQTT-4.7.1-1], [v3 MQTT-4.7.3-1]
 *   handle-packet.test.ts: [v3 MQTT-3.1.0-1], [v3 MQTT-3.1.0-2]
 *   reason-codes.test.ts: [v3 MQTT-3.1.3-9], [v3 MQTT-3.2.2-6]
 * Not proved here, the duty of the shell: [v3 MQTT-3.1.2-4] to [v3 MQTT-3.1.2-8], [v3 MQTT-3.1.2-10], [v3 MQTT-3.1.2-12],
 *   [v3 MQTT-3.1.2-24], [v3 MQTT-3.1.3-2], [v3 MQTT-3.1.4-2] to [v3 MQTT-3.1.4-5], [v3 MQTT-3.2.0-1], [v3 MQTT-3.2.2-1] to
 *   [v3 MQTT-3.2.2-5].
 * The client's duty: [v3 MQTT-3.1.2-23].
 */
import { describe, expect, test } from '@jest/globals';
import { handleConnect } from '../../../lambdas/protocol/packets/connect';
import { clause } from '../../support/clause';
import { connect } from '../../support/packets';
import { thrownBy } from '../../support/thrown-by';

const generateClientId = () => 'assigned';

describe('CONNECT', () => {
  test('asks for the session as the client described it', () => {
    expect(handleConnect(connect(), generateClientId)).toEqual([
      { do: 'open', request: { clientId: 'kitchen', version: 4, clean: true, keepAlive: 60 } },
    ]);
  });

  test('passes on a persistent session, a keep-alive of 0 and the user name', () => {
    const packet = connect({ clean: false, keepalive: 0, username: 'ann' });

    expect(handleConnect(packet, generateClientId)).toEqual([
      { do: 'open', request: { clientId: 'kitchen', version: 4, clean: false, keepAlive: 0, username: 'ann' } },
    ]);
  });

  test('leaves the password out of what is asked for', () => {
    const packet = connect({ username: 'ann', password: Buffer.from('secret') });

    expect(JSON.stringify(handleConnect(packet, generateClientId))).not.toContain('password');
  });

  test('passes on the will', () => {
    const will = { topic: 'w', payload: Buffer.from('gone'), qos: 1, retain: true } as const;

    expect(handleConnect(connect({ will }), generateClientId)).toMatchObject([
      { request: { will: { topic: 'w', payload: Buffer.from('gone'), qos: 1, retain: true } } },
    ]);
  });

  clause('v3 MQTT-3.3.5-2', 'a will for a topic clients may not publish to is dropped', () => {
    const will = { topic: '$SYS/broker', payload: Buffer.from('gone'), qos: 1, retain: true } as const;

    expect(handleConnect(connect({ will }), generateClientId)).toEqual([
      { do: 'open', request: { clientId: 'kitchen', version: 4, clean: true, keepAlive: 60 } },
    ]);
  });

  clause('v3 MQTT-3.1.3-5', 'a client id of 23 letters and digits is allowed', () => {
    const clientId = '0123456789abcdefghijkLM';

    expect(handleConnect(connect({ clientId }), generateClientId)).toMatchObject([{ request: { clientId } }]);
  });

  test('a longer client id with other characters is allowed too, even in MQTT 3.1', () => {
    const clientId = 'floor-1/kitchen/lamp \u{1f4a1} 0123456789';
    const packet = connect({ clientId, protocolId: 'MQIsdp', protocolVersion: 3 });

    expect(handleConnect(packet, generateClientId)).toMatchObject([{ request: { clientId, version: 3 } }]);
  });

  clause('v3 MQTT-3.1.3-6', 'an empty client id gets one assigned', () => {
    expect(handleConnect(connect({ clientId: '' }), generateClientId)).toMatchObject([
      { request: { clientId: 'assigned', clean: true } },
    ]);
  });

  clause('v3 MQTT-3.1.3-8', 'an empty client id without a clean session is rejected', () => {
    const error = thrownBy(() => handleConnect(connect({ clientId: '', clean: false }), generateClientId));

    expect(error).toMatchObject({ reason: 0x85, message: 'empty client id without clean session' });
  });

  test('an empty client id is rejected in MQTT 3.1', () => {
    const packet = connect({ clientId: '', protocolId: 'MQIsdp', protocolVersion: 3 });

    expect(thrownBy(() => handleConnect(packet, generateClientId))).toMatchObject({ reason: 0x85 });
  });
});
