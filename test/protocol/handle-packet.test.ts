/*
 * Proved elsewhere: each packet in packets/; [v3 MQTT-3.1.4-5] by the shell, which stops reading a connection it refused.
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
const surroundings = {
  generateClientId: () => 'assigned',
  limits: settingsFromEnvironment({}),
  now: 1_700_000_000_000,
};

describe('handlePacket', () => {
  clause(['MQTT-3.1.0-1', 'v3 MQTT-3.1.0-1'], 'the first packet must be CONNECT', () => {
    const error = thrownBy(() => handlePacket(publish(), undefined, surroundings));

    expect(error).toMatchObject({ reason: 0x82, message: expect.stringContaining('CONNECT') });
  });

  clause(['MQTT-3.1.0-2', 'v3 MQTT-3.1.0-2'], 'a second CONNECT is a protocol violation', () => {
    for (const known of [session, session5]) {
      const error = thrownBy(() => handlePacket(connect(), known, surroundings));

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
      expect(handlePacket(packet, session, surroundings)[0]).toMatchObject({ do: effect });
      expect(handlePacket(packet, session5, surroundings)[0]).toMatchObject({ do: effect });
    });
  }

  test('a message expires so many seconds after its packet arrived', () => {
    const packet = publish({ properties: { messageExpiryInterval: 60 } });

    expect(handlePacket(packet, session5, surroundings)).toMatchObject([{ message: { expiresAt: 1_700_000_060_000 } }]);
  });

  test('a shared subscription means the same in each version, and a mistaken one what the version makes of it', () => {
    const packet = {
      cmd: 'subscribe',
      messageId: 7,
      subscriptions: [{ topic: '$share/g/a', qos: 0 }],
    } as const;
    const mistaken = { ...packet, subscriptions: [{ topic: '$share/g', qos: 0 }] } as const;

    for (const one of [session, session5]) {
      expect(handlePacket(packet, one, surroundings)).toMatchObject([{ requests: [{ filter: 'a', share: 'g' }] }]);
    }
    expect(handlePacket(mistaken, session, surroundings)).toMatchObject([{ requests: [{ refused: 0x80 }] }]);
    expect(() => handlePacket(mistaken, session5, surroundings)).toThrow();
  });

  test('CONNECT leads to connect', () => {
    expect(handlePacket(connect(), undefined, surroundings)[0]).toMatchObject({ do: 'connect' });
  });

  test('AUTH is a protocol error of a client that named no authentication method', () => {
    const error = thrownBy(() => handlePacket({ cmd: 'auth', reasonCode: 0x18 }, session5, surroundings));

    expect(error).toMatchObject({ reason: 0x82 });
  });
});
