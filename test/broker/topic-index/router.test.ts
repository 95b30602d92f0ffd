import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { ShapeList, Subscriber } from '../../../lambdas/broker/model/subscription';
import type { TopicIndex } from '../../../lambdas/broker/ports/topic-index-store';
import { Router } from '../../../lambdas/broker/topic-index/router';
import { SubscriberCache } from '../../../lambdas/broker/topic-index/subscriber-cache';
import { shapeOf } from '../../../lambdas/protocol/shape';

/** More rows than a container caches. */
const manyRows = 20_001;

function rows(filter: string, count: number): Subscriber[] {
  return Array.from({ length: count }, (_, index) => ({ filter, clientId: `${index}`, session: `${index}`, qos: 1 }));
}

/** The list of shapes arrives before the rows of any filter. */
function indexOf(rowsOf: Readonly<Record<string, Subscriber[]>>): TopicIndex {
  const revisions = new Map(Object.keys(rowsOf).map((filter) => [shapeOf(filter), 1]));
  const shapes: ShapeList = { revisions, owners: new Map(), version: 1 };
  const subscribers = async (filter: string) => {
    await setImmediate();
    return rowsOf[filter] ?? [];
  };
  return { shapes: async () => shapes, subscribers } as Partial<TopicIndex> as TopicIndex;
}

async function countRecipients(router: Router, topics: readonly string[]): Promise<number[]> {
  const byTopic = await router.recipients(topics);
  return topics.map((topic) => byTopic.get(topic)?.nonShared.length ?? 0);
}

describe('the router', () => {
  it('finds the subscribers of each topic', async () => {
    const router = new Router(indexOf({ one: rows('one', 1), two: rows('two', 2) }), new SubscriberCache());

    expect(await countRecipients(router, ['one', 'two', 'three'])).toEqual([1, 2, 0]);
  });

  it('finds cached subscribers while a larger result evicts them from the cache', async () => {
    const index = indexOf({ small: rows('small', 3), large: rows('large', manyRows) });
    const cache = new SubscriberCache();
    await new Router(index, cache).recipients(['small']);

    expect(await countRecipients(new Router(index, cache), ['large', 'small'])).toEqual([manyRows, 3]);
  });
});
