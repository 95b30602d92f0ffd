import { setTimeout as sleep } from 'node:timers/promises';
import { firstByte } from '../protocol/frames';
import type { Settings } from '../settings';
import { ConnectionCache } from './connection-cache';
import { Deliverer } from './deliver';
import { Dispatch } from './dispatch';
import { hopefulTurn } from './hopeful-turn';
import { type ConnectionEvent, isFrame } from './inbox';
import { together } from './parallel';
import { Patience } from './patience';
import type { Ports } from './ports';
import { mailFor, Publisher } from './publish';
import { quickTurn } from './quick-turn';
import type { FanOutJob, Identified, StoredConnection } from './records';
import { Retainer } from './retainer';
import { IndexCache, Router } from './router';
import { Turn } from './turn';

/** Milliseconds that those who subscribe go ahead; more would let one with many retained messages hold up its neighbours. */
const headStart = 100;

/** The broker of one container. What it remembers between invocations is checked before it is believed. */
export class Broker {
  private readonly index = new IndexCache();
  private readonly connections = new ConnectionCache();

  constructor(
    private readonly ports: Ports,
    private readonly settings: Settings,
  ) {}

  /**
   * Works off a batch of events. Connections run side by side and fail alone; the ids of the events to be delivered again
   * are returned. Who subscribes comes first: people expect that a message hears of a subscription made a moment before on
   * another connection, although nobody promises it.
   */
  async receive(events: readonly ConnectionEvent[]): Promise<string[]> {
    const looking = this.ports.watch.look();
    const router = new Router(this.ports.topicIndex, this.index);
    const groups = [...byConnection(events)];
    const subscribing = groups.filter(([, group]) => group.some(subscribes));
    const others = groups.filter(([, group]) => !group.some(subscribes));
    const first = this.takeTurns(router, subscribing);
    if (subscribing.length > 0) await Promise.race([first, sleep(headStart)]);
    const [failed, failedToo] = await together([first, this.takeTurns(router, others), looking]);
    return [...failed, ...failedToo];
  }

  private async takeTurns(router: Router, groups: readonly [string, ConnectionEvent[]][]): Promise<string[]> {
    const failed = await together(
      groups.map(async ([connectionId, group]) => {
        try {
          await this.takeTurn(router, connectionId, group);
          return [];
        } catch (error) {
          this.ports.log('turn failed', { connectionId, error: String(error), stack: (error as Error).stack ?? '' });
          return group.map(({ id }) => id);
        }
      }),
    );
    return failed.flat();
  }

  private async takeTurn(router: Router, connectionId: string, events: ConnectionEvent[]): Promise<void> {
    const shared = { ports: this.ports, settings: this.settings, connections: this.connections };
    if (await quickTurn(shared, router, connectionId, events)) return;
    const stored = this.read(router, connectionId, events.some(mayRoute));
    stored.catch(() => undefined); // whoever awaits it gets the error
    if (await hopefulTurn(shared, router, connectionId, events, stored)) return;
    await new Turn(shared, router, connectionId, events, await stored).run();
  }

  /** The first in an invocation that will route reads the list of shapes together with its connection. */
  private async read(router: Router, connectionId: string, routes: boolean): Promise<StoredConnection> {
    if (!routes || router.isPrepared) return this.ports.connectionStore.load(connectionId);
    const snapshot = this.ports.lookup.read(connectionId, []);
    router.prepare(snapshot.then(({ shapes }) => shapes));
    return snapshot;
  }

  /** Messages that no client of this broker has sent. An earlier attempt may have published the same ids. */
  async publish(incoming: readonly Identified[]): Promise<void> {
    const dispatch = new Dispatch(this.ports, this.settings);
    const deliverer = new Deliverer(this.ports, this.settings, dispatch);
    const router = new Router(this.ports.topicIndex, this.index);
    const retainer = new Retainer(this.ports, this.settings, dispatch, new Patience(this.ports));
    const publisher = new Publisher(this.ports, this.settings, router, deliverer, retainer);
    const flags = { replay: false, attempted: true, retained: false };
    await publisher.publish(incoming.map(({ id, message }) => ({ id, message, ...flags })));
    await dispatch.send();
  }

  /** Serves part of a large audience. `redelivered`: an earlier attempt may have sent what is QoS 0. */
  async fanOut(job: FanOutJob, redelivered: boolean): Promise<void> {
    const looking = this.ports.watch.look();
    const dispatch = new Dispatch(this.ports, this.settings);
    const arrivals = job.messages.map(({ id, message, attempted, receivedAt }) => ({
      id,
      message,
      replay: redelivered,
      attempted: attempted || redelivered,
      retained: false,
      ...(receivedAt !== undefined && { receivedAt }),
    }));
    const deliverer = new Deliverer(this.ports, this.settings, dispatch);
    await deliverer.deliver(mailFor(arrivals, () => job.subscribers));
    await dispatch.send();
    await looking;
  }
}

function byConnection(events: readonly ConnectionEvent[]): Map<string, ConnectionEvent[]> {
  const groups = new Map<string, ConnectionEvent[]>();
  for (const event of events) {
    const group = groups.get(event.connectionId);
    if (group) group.push(event);
    else groups.set(event.connectionId, [event]);
  }
  return groups;
}

/** Types of the packets whose handling reads the list of shapes. */
const routingTypes = new Set([3, 6, 8, 10]); // PUBLISH, PUBREL, SUBSCRIBE, UNSUBSCRIBE

/** A guess, too: SUBSCRIBE is seldom sent behind something else in one frame. */
function subscribes(event: ConnectionEvent): boolean {
  return isFrame(event) && firstByte(event.text) >> 4 === 8;
}

/**
 * A guess from the first byte of a frame, so that the list is read beside the connection and not after it. What is retained is
 * routed by a list that is read when it is stored.
 */
function mayRoute(event: ConnectionEvent): boolean {
  if (!isFrame(event)) return false;
  const header = firstByte(event.text);
  return routingTypes.has(header >> 4) && !isRetained(header);
}

/** By the fixed header: PUBLISH with RETAIN. */
function isRetained(header: number): boolean {
  return header >> 4 === 3 && (header & 1) === 1;
}
