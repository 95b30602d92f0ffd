import { describe, expect, it } from '@jest/globals';
import type { RetainedContinuation } from '../../lambdas/broker/model/continuation';
import type { PendingRetained } from '../../lambdas/broker/model/retained-message';
import { continuationBodies, readContinuation } from '../../lambdas/transport/continuations';

function pending(filter: string, fields: Partial<PendingRetained> = {}): PendingRetained {
  const request = { name: filter, filter, qos: 1 } as const;
  return { request, id: 'event.3', receivedAt: 1_700_000_000_000, attempted: true, queued: 0, ...fields };
}

function retained(all: readonly PendingRetained[]): RetainedContinuation {
  return { task: 'retained', clientId: 'kitchen', session: 'session', pending: all };
}

describe('the body of an event that continues work', () => {
  it('contains the pending subscriptions with all their options', () => {
    const all = [
      pending('a/+'),
      pending('b/#', { cursor: 'b/\u0000x', queued: 250 }),
      pending('é/\uffff', { id: 'event.4' }),
      pending('c', { request: { name: 'c', filter: 'c', qos: 2, noLocal: true, identifier: 268_435_455 } }),
      pending('d', { request: { name: 'd', filter: 'd', qos: 0, retainAsPublished: true } }),
    ];
    const bodies = continuationBodies(retained(all));
    const read = bodies.flatMap((body) => (readContinuation(body) as RetainedContinuation).pending);

    expect(bodies).toHaveLength(1);
    expect(read).toHaveLength(all.length);
    expect(read).toEqual(expect.arrayContaining(all));
  });

  it('is ASCII, whatever characters a topic filter has', () => {
    const [body = ''] = continuationBodies(retained([pending('\uffff/\u0001/日本')]));

    expect(body).toMatch(/^[\x20-\x7e]+$/);
  });

  it('fits into a queue, however many subscriptions are pending', () => {
    const all = Array.from({ length: 10_000 }, (_, index) => pending(`${'x'.repeat(40)}/${index}`));
    const bodies = continuationBodies(retained(all));
    const read = bodies.flatMap((body) => (readContinuation(body) as RetainedContinuation).pending);

    expect(Math.max(...bodies.map(({ length }) => length))).toBeLessThan(200_000);
    expect(read).toEqual(all);
  });

  it('names a session that is being removed', () => {
    const wipe = { task: 'wipe', clientId: 'kitchen', session: 'session', hasShares: true } as const;

    expect(continuationBodies(wipe).map(readContinuation)).toEqual([wipe]);
  });

  it('is absent from an ordinary wake', () => {
    expect(readContinuation('wake')).toBeUndefined();
  });
});
