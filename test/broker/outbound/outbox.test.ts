import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { positionAlone } from '../../../lambdas/broker/model/queue-slots';
import { Outbox, type QueueSource } from '../../../lambdas/broker/outbound/outbox';
import type { PostResult } from '../../../lambdas/broker/ports/gateway';
import { noMetrics } from '../../../lambdas/broker/ports/metrics';
import type { Ports } from '../../../lambdas/broker/ports/ports';
import { DynamoInflightStore } from '../../../lambdas/storage/inflight-store';
import { Engine } from '../../storage/support/engine';
import { message } from '../../storage/support/messages';

/** Bytes that this gateway takes in one post; a real one takes 131,072. */
const limit = 100;

describe('a post that the gateway refuses as too large', () => {
  let engine: Engine;
  let inflight: DynamoInflightStore;
  const posted: number[] = [];
  const events: string[] = [];

  const connections = {
    async post(_connectionId: string, bytes: Buffer): Promise<PostResult> {
      if (bytes.length > limit) return 'too large';
      posted.push(bytes.length);
      return 'sent';
    },
    close: async () => 'closed' as const,
  };

  beforeAll(async () => {
    engine = await Engine.start();
    inflight = new DynamoInflightStore({
      db: engine.client(),
      dbWithoutRetries: engine.client(),
      table: engine.table('inflight'),
      now: () => 0,
    });
  });

  afterAll(() => engine.stop());

  function outbox(): Outbox {
    const log = (event: string) => events.push(event);
    const store = { read: async () => undefined };
    const packets = { disconnect: async (id: string) => void events.push(`disconnect ${id}`) };
    const ports = { connections, inflight, log, metrics: noMetrics, now: () => 0, connectionStore: store, packets };
    return new Outbox({ ports: ports as unknown as Ports, settings: { slowReaderTimeout: 10 } });
  }

  async function stored(number: number): Promise<QueueSource> {
    const { packetId, slot } = positionAlone(number);
    const content = { packetId, message: message('a', 'x'), retain: false };
    const item = {
      session: 's',
      slot,
      number,
      messages: [content],
      qos: 1,
      state: 'published',
      sentOn: 'f',
      sentBy: '',
    } as const;
    await inflight.put([item]);
    return { kind: 'queued', clientId: 'c', session: 's', fence: 'f', slot, number, packetId, qos: 1 };
  }

  it('drops only packets that never fit, from the queue too, and sends those that follow', async () => {
    const out = outbox();
    const stakes = [await stored(1), await stored(2), await stored(3)];
    for (const [index, size] of [60, 101, 70].entries()) {
      out.add('c1', { bytes: Buffer.alloc(size), source: stakes[index]! });
    }
    await out.sendMessages();

    expect(posted.splice(0)).toEqual([60, 70]);
    expect(events.splice(0)).toEqual(['packet too large']);
    expect((await inflight.readMany('s', [1, 2, 3])).map(({ number }) => number).sort()).toEqual([1, 3]);
  });

  it('closes the connection when it contains a response', async () => {
    const out = outbox();
    out.respond('c2', () => Buffer.alloc(101));
    await out.sendResponses();

    expect(posted.splice(0)).toEqual([]);
    expect(events.splice(0)).toEqual(['post failed', 'disconnect c2']);
  });
});
