/*
 * Proved elsewhere: each packet in packets/; [v3 MQTT-3.1.4-5] by broker/, which stops reading a refused connection.
 */
import { describe, expect, test } from '@jest/globals';
import { handlePacket } from '../../lambdas/protocol/handle-packet';
import type { ClientPacket } from '../../lambdas/protocol/packets';
import { allowEverything } from '../../lambdas/protocol/permissions';
import { settingsFromEnvironment } from '../../lambdas/settings';
import { clause } from '../support/clause';
import { connect, publish } from '../support/packets';
import { thrownBy } from '../support/thrown-by';

const session = { clientId: 'kitchen', version: 4, sessionExpiry: 0, permissions: allowEverything } as const;
const session5 = { clientId: 'kitchen', version: 5, sessionExpiry: 0, permissions: allowEverything } as const;
const context = {
  generateClientId: () => 'assigned',
  limits: settingsFromEnvironment({}),
  now: 1_700_000_000_000,
};

describe('handlePacket', () => {
  clause(['MQTT-3.1.0-1', 'v3 MQTT-3.1.0-1'], 'the first packet must be CONNECT', () => {
    const error = thrownBy(() => handlePacket(publish(), undefined, context));

    expect(error).toMatchObject({ reason: 0x82, message: expect.stringContaining('CONNECT') });
  });

  clause(['MQTT-3.1.0-2', 'v3 MQTT-3.1.0-2'], 'a second CONNECT is a protocol violation', () => {
    for (const known of [session, session5]) {
      const error = thrownBy(() => handlePacket(connect(), known, context));

      expect(error).toMatchObject({ reason: 0x82, message: expect.stringContaining('CONNECT') });
    }
  });

  const dispatched: [packet: ClientPacket, effect: string][] = [
    [publish(), 'accept'],
    [{ cmd: 'puback', messageId: 7 }, 'acknowledged'],
    [{ cmd: 'pubrec', messageId: 7 }, 'received'],
    [{ cmd: 'pubrel', messageId: 7 }, 'release'],
    [{ cmd: 'pubcomp', messageId: 7 }, 'completed'],
    [{ cmd: 'subscribe', messageId: 7, subscriptions: [{ topic: 'a', qos: 0 }] }, 'subscribe'],
    [{ cmd: 'unsubscribe', messageId: 7, unsubscriptions: ['a'] }, 'unsubscribe'],
    [{ cmd: 'pingreq' }, 'send'],
    [{ cmd: 'disconnect' }, 'disconnect'],
  ];
  for (const [packet, effect] of dispatched) {
    test(`${packet.cmd} leads to ${effect}`, () => {
      expect(handlePacket(packet, session, context)[0]).toMatchObject({ do: effect });
      expect(handlePacket(packet, session5, context)[0]).toMatchObject({ do: effect });
    });
  }

  test('a message expires its Message Expiry Interval after the arrival of its packet', () => {
    const packet = publish({ properties: { messageExpiryInterval: 60 } });

    expect(handlePacket(packet, session5, context)).toMatchObject([{ message: { expiresAt: 1_700_000_060_000 } }]);
  });

  test('a valid share is the same in each version; an invalid one is handled by the rules of the version', () => {
    const packet = {
      cmd: 'subscribe',
      messageId: 7,
      subscriptions: [{ topic: '$share/g/a', qos: 0 }],
    } as const;
    const mistaken = { ...packet, subscriptions: [{ topic: '$share/g', qos: 0 }] } as const;

    for (const one of [session, session5]) {
      expect(handlePacket(packet, one, context)).toMatchObject([{ requests: [{ filter: 'a', share: 'g' }] }]);
    }
    expect(handlePacket(mistaken, session, context)).toMatchObject([{ requests: [{ refused: 0x80 }] }]);
    expect(() => handlePacket(mistaken, session5, context)).toThrow();
  });

  test('CONNECT leads to connect', () => {
    expect(handlePacket(connect(), undefined, context)[0]).toMatchObject({ do: 'connect' });
  });

  test('AUTH without an Authentication Method in CONNECT is a protocol error', () => {
    const error = thrownBy(() => handlePacket({ cmd: 'auth', reasonCode: 0x18 }, session5, context));

    expect(error).toMatchObject({ reason: 0x82 });
  });
});
