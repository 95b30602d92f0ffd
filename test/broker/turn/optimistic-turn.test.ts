import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { generate } from 'mqtt-packet';
import type { ConnectionRecord, StoredConnection } from '../../../lambdas/broker/model/connection';
import type { ConnectionEvent } from '../../../lambdas/broker/model/connection-event';
import type { Ports } from '../../../lambdas/broker/ports/ports';
import type { Router } from '../../../lambdas/broker/topic-index/router';
import { ConnectionCache } from '../../../lambdas/broker/turn/connection-cache';
import { runOptimisticTurn } from '../../../lambdas/broker/turn/optimistic-turn';
import type { ContainerState } from '../../../lambdas/broker/turn/turn';
import { settingsFromEnvironment } from '../../../lambdas/settings';
import { record } from '../../storage/support/connection-record';
import { publishPacket } from '../../support/text-client';

describe('a turn on what the container remembers', () => {
  const remembered = record('a');
  const ended: ConnectionRecord = { ...remembered, ended: { willAt: 1 } };

  /** Ports of a container that has the connection in memory. Whatever else a turn may want to do, it cannot. */
  function remembering(logged: string[], standing: 'good' | 'revoked' = 'good'): ContainerState {
    const connections = new ConnectionCache();
    connections.set(remembered);
    const ports = {
      debugClients: { has: () => false },
      access: { permissions: async () => (standing === 'good' ? {} : standing) },
      log: (event: string) => logged.push(event),
    } as unknown as Ports;
    return { ports, settings: settingsFromEnvironment({}), connections };
  }

  function takeTurn(shared: ContainerState, topic: string, stored: Promise<StoredConnection>): Promise<boolean> {
    const bytes = generate(publishPacket(topic, 'x', { qos: 1, messageId: 1 }));
    const event: ConnectionEvent = {
      ...{ id: 'event', connectionId: 'a', kind: 'message', connectedAt: 1, receivedAt: 2, address: '' },
      ...{ text: `1.${bytes.toString('base64')}`, redelivered: false, exhausted: false },
    };
    return runOptimisticTurn(shared, {} as Router, 'a', [event], stored);
  }

  for (const [name, stored] of [
    ['has ended elsewhere', ended],
    ['is on no record any more', undefined],
    ['has gone on elsewhere', record('a', { lastNumber: 1 })],
  ] as const) {
    it(`leaves what to say of a malformed packet to the careful turn when the connection ${name}`, async () => {
      const logged: string[] = [];

      expect(await takeTurn(remembering(logged), 'no/#/name', Promise.resolve({ connection: stored }))).toBe(false);
      expect(logged).toEqual([]);
    });
  }

  it('leaves the end of a connection without access to the careful turn when the memory was wrong', async () => {
    const logged: string[] = [];

    expect(await takeTurn(remembering(logged, 'revoked'), 'a/topic', Promise.resolve({ connection: ended }))).toBe(
      false,
    );
    expect(logged).toEqual([]);
  });

  // A rejection that nobody handles ends the container, and with it the turns of all other connections; here, the test.
  it('fails alone when the connection cannot be read, however early that is known', async () => {
    const stored = Promise.reject<StoredConnection>(new Error('throttled'));

    await expect(takeTurn(remembering([]), 'a/topic', stored)).rejects.toThrow();
    await setImmediate();
  });
});
