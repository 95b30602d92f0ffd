import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { generate } from 'mqtt-packet';
import type { ConnectionRecord, StoredConnection } from '../../../lambdas/broker/model/connection';
import type { ConnectionEvent } from '../../../lambdas/broker/model/connection-event';
import type { Ports } from '../../../lambdas/broker/ports/ports';
import type { Router } from '../../../lambdas/broker/topic-index/router';
import { ConnectionCache } from '../../../lambdas/broker/turn/connection-cache';
import { FrameReader } from '../../../lambdas/broker/turn/frames';
import { runTurn, type TurnResult } from '../../../lambdas/broker/turn/turn';
import { optimisticTurn } from '../../../lambdas/broker/turn/turn-modes';
import { allowEverything } from '../../../lambdas/protocol/permissions';
import { settingsFromEnvironment } from '../../../lambdas/settings';
import { record } from '../../storage/support/connection-record';
import { publishPacket } from '../../support/text-client';

describe('an optimistic turn', () => {
  const cached = record('a');
  const ended: ConnectionRecord = { ...cached, ended: { willAt: 1 } };
  const settings = settingsFromEnvironment({});

  /** Ports that can do nothing but authorize and log: whatever else the turn tries fails. */
  function portsFor(logged: string[], access: 'good' | 'revoked' = 'good'): Ports {
    return {
      debugClients: { has: () => false },
      access: { permissions: async () => (access === 'good' ? {} : access) },
      log: (event: string) => logged.push(event),
    } as unknown as Ports;
  }

  async function takeTurn(
    ports: Ports,
    topic: string,
    stored: Promise<StoredConnection>,
    qos: 0 | 1 | 2 = 1,
  ): Promise<TurnResult> {
    const bytes = generate(publishPacket(topic, 'x', { qos, messageId: 1 }));
    const event: ConnectionEvent = {
      ...{ id: 'event', connectionId: 'a', kind: 'message', connectedAt: 1, receivedAt: 2, address: '' },
      ...{ text: `1.${bytes.toString('base64')}`, redelivered: false, exhausted: false },
    };
    const input = {
      ...{ ports, settings, router: {} as Router, connections: new ConnectionCache() },
      ...{ connectionId: 'a', events: [event], reader: new FrameReader(settings.maxPacketSize) },
    };
    const mode = optimisticTurn(input, cached, stored);
    if (!mode) throw new Error('the events need the full turn');
    return runTurn(input, { connection: cached }, mode);
  }

  for (const [name, stored] of [
    ['has ended elsewhere', ended],
    ['is on no record any more', undefined],
    ['has gone on elsewhere', record('a', { lastNumber: 1 })],
  ] as const) {
    it(`leaves a malformed packet to the full turn when the connection ${name}`, async () => {
      const logged: string[] = [];

      expect(await takeTurn(portsFor(logged), 'no/#/name', Promise.resolve({ connection: stored }))).toBe(
        'unconfirmed',
      );
      expect(logged).toEqual([]);
    });
  }

  it('leaves the end of a connection whose access was revoked to the full turn when the cache was wrong', async () => {
    const logged: string[] = [];
    const result = takeTurn(portsFor(logged, 'revoked'), 'a/topic', Promise.resolve({ connection: ended }));

    expect(await result).toBe('unconfirmed');
    expect(logged).toEqual([]);
  });

  it.each([0, 2] as const)('leaves a message of QoS %i to another turn before it writes anything', async (qos) => {
    const allowing = { permissions: async () => allowEverything };
    const ports = { ...portsFor([]), access: allowing, metrics: {} } as unknown as Ports;

    expect(await takeTurn(ports, 'a/topic', Promise.resolve({ connection: cached }), qos)).toBe('unconfirmed');
  });

  // A rejection that nobody handles ends the container, and with it the turns of all other connections; here, the test.
  it('fails alone when the connection cannot be read, however early that is known', async () => {
    const stored = Promise.reject<StoredConnection>(new Error('throttled'));

    await expect(takeTurn(portsFor([]), 'a/topic', stored)).rejects.toThrow();
    await setImmediate();
  });
});
