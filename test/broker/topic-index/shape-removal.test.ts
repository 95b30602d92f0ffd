/*
 * The removal of shapes concurrent to other writes of the index, in every order of their requests to DynamoDB, with a death before each
 * of them. Proved elsewhere: the limits: shape-limit.test.ts; the same through the deployed functions: shapes.test.ts.
 */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ConnectionRecord } from '../../../lambdas/broker/model/connection';
import type { Ports } from '../../../lambdas/broker/ports/ports';
import { subscribe, unsubscribe } from '../../../lambdas/broker/session/subscribe';
import { checkShapes } from '../../../lambdas/broker/topic-index/check-shapes';
import { Router } from '../../../lambdas/broker/topic-index/router';
import { SubscriberCache } from '../../../lambdas/broker/topic-index/subscriber-cache';
import { type Settings, settingsFromEnvironment } from '../../../lambdas/settings';
import { DynamoSessionStore } from '../../../lambdas/storage/session-store';
import { DynamoShapeChecks } from '../../../lambdas/storage/shape-checks';
import { DynamoTopicIndex } from '../../../lambdas/storage/topic-index';
import { record } from '../../storage/support/connection-record';
import { Engine, type Gate, open } from '../../storage/support/engine';
import { everyInterleaving } from '../../storage/support/interleavings';

const settings = settingsFromEnvironment({});
const filter = 'rooms/+/state';
const topic = 'rooms/attic/state';
const shape = 'L+L';
const request = { name: filter, filter, qos: 1 } as const;
const minutes = 60_000;

class Died extends Error {}

/** Lets `requests` requests pass, then the worker is dead. */
function dyingAfter(requests: number, gate: Gate): Gate {
  let left = requests;
  return (send) => {
    if (left === 0) return Promise.reject(new Died());
    left -= 1;
    return gate(send);
  };
}

describe('the removal of an unused shape', () => {
  let engine: Engine;
  let now = 1_700_000_000_000;

  let ungated: DynamoDBClient;

  beforeEach(async () => {
    engine = await Engine.start();
    ungated = engine.client();
  });

  afterEach(() => engine.stop());

  /** The ports of one container; only its requests to the topic index wait at the gate. */
  function portsOf(gate: Gate): Ports {
    const gated = gate === open ? ungated : engine.client(gate);
    return {
      topicIndex: new DynamoTopicIndex(gated, engine.table('topicIndex')),
      sessions: new DynamoSessionStore(ungated, engine.table('sessions')),
      shapeChecks: new DynamoShapeChecks(ungated, engine.table('connections'), () => now),
      log: () => undefined,
      now: () => now,
    } as unknown as Ports;
  }

  const free = () => portsOf(open);
  const clientOf = (clientId: string): ConnectionRecord =>
    record(clientId, { clientId, session: `session ${clientId}` });

  async function subscribeWith(
    ports: Ports,
    clientId: string,
    limits: Settings = settings,
  ): Promise<readonly number[]> {
    const router = new Router(ports.topicIndex, new SubscriberCache());
    return (await subscribe({ ports, settings: limits, router }, clientOf(clientId), [request])).codes;
  }

  async function unsubscribeWith(ports: Ports, clientId: string): Promise<void> {
    const router = new Router(ports.topicIndex, new SubscriberCache());
    await unsubscribe({ ports, router }, clientOf(clientId), [request]);
  }

  /** A worker that dies after some requests; its event is delivered again. */
  function redelivered(gate: Gate, requests: number, work: (ports: Ports) => Promise<unknown>) {
    return async () => {
      await work(portsOf(dyingAfter(requests, gate))).catch((error) => {
        if (!(error instanceof Died)) throw error;
      });
      await work(portsOf(gate));
    };
  }

  /** Returns the clients that a publish of a container finds. It begins with the list, so that its requests come one after the other. */
  async function recipients(ports: Ports, cache: SubscriberCache): Promise<string[]> {
    cache.shapes = new Map();
    const found = (await new Router(ports.topicIndex, cache).recipients([topic])).get(topic);
    return (found?.nonShared ?? []).map(({ clientId }) => clientId).sort();
  }

  async function listed(): Promise<boolean> {
    return (await free().topicIndex.shapes()).revisions.has(shape);
  }

  /** Lets the time pass until the requested check is due and settled. */
  async function checkLater(): Promise<void> {
    now += 3 * minutes;
    await checkShapes(free());
  }

  /** The shape is listed, no row has it, its check is due, and the cache of a container knows the filter under each revision it had. */
  async function unused(cache: SubscriberCache): Promise<void> {
    await subscribeWith(free(), 'former');
    await recipients(free(), cache);
    await unsubscribeWith(free(), 'former');
    await recipients(free(), cache);
    now += 3 * minutes;
  }

  it('removes a shape without rows, and the request with it', async () => {
    await unused(new SubscriberCache());
    await checkShapes(free());

    expect(await listed()).toBe(false);
    expect(await free().shapeChecks.read()).toBeUndefined();
  });

  it('keeps a shape as long as a row has it', async () => {
    await subscribeWith(free(), 'faithful');
    await unused(new SubscriberCache());
    await checkShapes(free());

    expect(await listed()).toBe(true);
    expect(await free().shapeChecks.read()).toBeUndefined();
  });

  it('during SUBSCRIBE never keeps a message from the new subscriber', async () => {
    const cache = new SubscriberCache();
    const runs = await everyInterleaving(
      3,
      async ([subscriber = open, checker = open, publisher = open]) => {
        await unused(cache);
        return [
          () => subscribeWith(portsOf(subscriber), 'new'),
          () => checkShapes(portsOf(checker)),
          () => recipients(portsOf(publisher), cache),
        ];
      },
      async (order) => {
        expect({ order, found: await recipients(free(), cache) }).toEqual({ order, found: ['new'] });
        await unsubscribeWith(free(), 'new');
        await checkLater();
        expect({ order, listed: await listed() }).toEqual({ order, listed: false });
      },
    );
    expect(runs).toBeGreaterThan(300);
  }, 600_000);

  it.each([1, 2, 3])('during a SUBSCRIBE that dies after %i requests and is delivered again', async (requests) => {
    const cache = new SubscriberCache();
    await everyInterleaving(
      2,
      async ([subscriber = open, checker = open]) => {
        await unused(cache);
        return [
          redelivered(subscriber, requests, (ports) => subscribeWith(ports, 'new')),
          () => checkShapes(portsOf(checker)),
        ];
      },
      async (order) => {
        expect({ order, found: await recipients(free(), cache) }).toEqual({ order, found: ['new'] });
        await unsubscribeWith(free(), 'new');
        await checkLater();
        expect({ order, listed: await listed() }).toEqual({ order, listed: false });
      },
    );
  });

  it('during a second check and a SUBSCRIBE loses nothing', async () => {
    const cache = new SubscriberCache();
    await everyInterleaving(
      2,
      async ([subscriber = open, checker = open]) => {
        await unused(cache);
        return [
          () => subscribeWith(portsOf(subscriber), 'new'),
          redelivered(checker, 3, (ports) => checkShapes(ports)),
        ];
      },
      async (order) => {
        expect({ order, found: await recipients(free(), cache) }).toEqual({ order, found: ['new'] });
        await unsubscribeWith(free(), 'new');
        await checkLater();
      },
    );
  });

  it('during the UNSUBSCRIBE of its last client leaves no shape for ever, and revives none', async () => {
    const cache = new SubscriberCache();
    await everyInterleaving(
      2,
      async ([leaver = open, checker = open]) => {
        await subscribeWith(free(), 'last');
        await unused(cache);
        return [() => unsubscribeWith(portsOf(leaver), 'last'), () => checkShapes(portsOf(checker))];
      },
      async (order) => {
        await checkLater();
        expect({ order, listed: await listed() }).toEqual({ order, listed: false });
        expect(await free().shapeChecks.read()).toBeUndefined();
      },
    );
  });

  it('during two SUBSCRIBEs for the last place gives it to one, and leaves nothing of the other', async () => {
    const other = { name: 'rooms/#', filter: 'rooms/#', qos: 1 } as const;
    await everyInterleaving(
      2,
      async ([one = open, two = open]) => {
        const limits = { ...settings, maxShapes: 1 };
        return [
          () => subscribeWith(portsOf(one), 'one', limits),
          async () => {
            const ports = portsOf(two);
            const router = new Router(ports.topicIndex, new SubscriberCache());
            await subscribe({ ports, settings: limits, router }, clientOf('two'), [other]);
          },
        ];
      },
      async (order) => {
        const { topicIndex, sessions } = free();
        const rows = [...(await topicIndex.subscribers(filter)), ...(await topicIndex.subscribers('rooms/#'))];
        const names = await Promise.all(['one', 'two'].map((name) => sessions.subscriptions(`session ${name}`)));
        const { revisions } = await topicIndex.shapes();
        expect({ order, rows: rows.length, names: names.flat().length, shapes: revisions.size }).toEqual({
          ...{ order, rows: 1, names: 1, shapes: 1 },
        });
        await unsubscribeWith(free(), 'one');
        const router = new Router(topicIndex, new SubscriberCache());
        await unsubscribe({ ports: free(), router }, clientOf('two'), [other]);
        await checkLater();
      },
    );
  });
});
