import { setTimeout as sleep } from 'node:timers/promises';
import { firstByte } from '../../protocol/frames';
import type { Settings } from '../../settings';
import { together } from '../../shared/parallel';
import { Deliverer } from '../delivery/deliverer';
import type { StoredConnection } from '../model/connection';
import { type ConnectionEvent, isFrame } from '../model/connection-event';
import type { FanOutJob, IdentifiedMessage } from '../model/fan-out-job';
import { Dispatch } from '../outbound/dispatch';
import type { Ports } from '../ports/ports';
import { deliveriesFor, Publisher } from '../publishing/publisher';
import { RetainedWriteWait } from '../publishing/retained-write-wait';
import { RetainedWriter } from '../publishing/retained-writer';
import { Router, SubscriberCache } from '../topic-index/router';
import { ConnectionCache } from './connection-cache';
import { runFastPath } from './fast-path';
import { runOptimisticTurn } from './optimistic-turn';
import { limitedBy } from './time-limit';
import { Turn } from './turn';

/** Milliseconds that those who subscribe go ahead; more would let one with many retained messages hold up its neighbours. */
const headStart = 100;

/** Milliseconds before the end of an invocation from when no turn goes on, and what is not done is given back. */
const timeToClose = 6_000;

/** Milliseconds before the end of an invocation up to which a turn is begun that was handed out before. */
const timeToRepeat = 13_000;

/** Milliseconds before the end of an invocation in which it returns, whatever is not done. */
const timeToReturn = 1_000;

/** A connection and its events, in their order. */
type Group = readonly [connectionId: string, events: readonly ConnectionEvent[]];

/** The broker of one container. What it remembers between invocations is checked before it is believed. */
export class Broker {
  private readonly index = new SubscriberCache();
  private readonly connections = new ConnectionCache();

  constructor(
    private readonly ports: Ports,
    private readonly settings: Settings,
  ) {}

  /**
   * Works off a batch of events. Connections run side by side and fail alone; the ids of the events to be delivered again are returned.
   * Who subscribes comes first: people expect that a message hears of a subscription made a moment before on another connection,
   * although nobody promises it. Events that were handed out before are worked off behind the others and one connection after the
   * other, because one of them may be what took an earlier invocation all its time. `remaining`: milliseconds until this one ends.
   */
  async receive(
    events: readonly ConnectionEvent[],
    remaining: () => number = () => Number.POSITIVE_INFINITY,
  ): Promise<string[]> {
    const looking = this.ports.debugClients.refresh();
    const ports = limitedBy(this.ports, () => remaining() < timeToClose);
    const router = new Router(ports.topicIndex, this.index);
    const groups = [...byConnection(events)];
    const isRepeated = ([, group]: Group) => group.some(({ redelivered }) => redelivered);
    const fresh = groups.filter((group) => !isRepeated(group));
    const subscribing = fresh.filter(([, group]) => group.some(subscribes));
    const others = fresh.filter(([, group]) => !group.some(subscribes));
    const first = this.takeTurns(ports, router, subscribing);
    if (subscribing.length > 0) await Promise.race([first, sleep(headStart)]);
    const failed = await together([first, this.takeTurns(ports, router, others), looking]);
    const repeated = await this.repeat(ports, router, groups.filter(isRepeated), remaining);
    return [...failed[0], ...failed[1], ...repeated];
  }

  /** A connection whose turn takes all the time once more is closed. */
  private async repeat(
    ports: Ports,
    router: Router,
    groups: readonly Group[],
    remaining: () => number,
  ): Promise<string[]> {
    const failed: string[] = [];
    for (const [connectionId, events] of groups) {
      const hasTime = remaining() >= timeToRepeat;
      const again = hasTime ? await this.takeTurns(ports, router, [[connectionId, events]]) : idsOf(events);
      const isTooLong = hasTime && again.length > 0 && remaining() < timeToClose;
      failed.push(...(isTooLong ? await this.close(connectionId, events, remaining) : again));
    }
    return failed;
  }

  private close(connectionId: string, events: readonly ConnectionEvent[], remaining: () => number): Promise<string[]> {
    this.ports.log('turn too long', { connectionId, events: events.length });
    const ports = limitedBy(this.ports, () => remaining() < timeToReturn);
    const router = new Router(ports.topicIndex, this.index);
    return this.takeTurns(ports, router, [[connectionId, events.map((event) => ({ ...event, exhausted: true }))]]);
  }

  private async takeTurns(ports: Ports, router: Router, groups: readonly Group[]): Promise<string[]> {
    const failed = await together(
      groups.map(async ([connectionId, group]) => {
        try {
          await this.takeTurn(ports, router, connectionId, group);
          return [];
        } catch (error) {
          this.ports.log('turn failed', { connectionId, error: String(error), stack: (error as Error).stack ?? '' });
          return idsOf(group);
        }
      }),
    );
    return failed.flat();
  }

  private async takeTurn(
    ports: Ports,
    router: Router,
    connectionId: string,
    events: readonly ConnectionEvent[],
  ): Promise<void> {
    const shared = { ports, settings: this.settings, connections: this.connections };
    if (await runFastPath(shared, router, connectionId, events)) return;
    const stored = read(ports, router, connectionId, events.some(mayRoute));
    stored.catch(() => undefined); // whoever awaits it gets the error
    if (await runOptimisticTurn(shared, router, connectionId, events, stored)) return;
    await new Turn(shared, router, connectionId, events, await stored).run();
  }

  /** Messages that no client of this broker has sent. An earlier attempt may have published the same ids. */
  async publish(incoming: readonly IdentifiedMessage[]): Promise<void> {
    const { ports, settings } = this;
    const dispatch = new Dispatch({ ports, settings });
    const deliverer = new Deliverer({ ports, settings, dispatch });
    const router = new Router(ports.topicIndex, this.index);
    const retainedWait = new RetainedWriteWait(ports);
    const retainedWriter = new RetainedWriter({ ports, settings, dispatch, retainedWait });
    const publisher = new Publisher({ ports, settings, router, deliverer, retainedWriter });
    const flags = { replay: false, attempted: true, retained: false };
    await publisher.publish(incoming.map(({ id, message }) => ({ id, message, ...flags })));
    await dispatch.send();
  }

  /** Serves part of a large audience. `redelivered`: an earlier attempt may have sent what is QoS 0. */
  async fanOut(job: FanOutJob, redelivered: boolean): Promise<void> {
    const looking = this.ports.debugClients.refresh();
    const { ports, settings } = this;
    const dispatch = new Dispatch({ ports, settings });
    const arrivals = job.messages.map(({ id, message, attempted, receivedAt }) => ({
      id,
      message,
      replay: redelivered,
      attempted: attempted || redelivered,
      retained: false,
      ...(receivedAt !== undefined && { receivedAt }),
    }));
    const deliverer = new Deliverer({ ports, settings, dispatch });
    await deliverer.deliver(deliveriesFor(arrivals, () => job.subscribers));
    await dispatch.send();
    await looking;
  }
}

/** The first in an invocation that will route reads the list of shapes together with its connection. */
async function read(ports: Ports, router: Router, connectionId: string, routes: boolean): Promise<StoredConnection> {
  if (!routes || router.isPrepared) return ports.connectionStore.load(connectionId);
  const snapshot = ports.lookup.read(connectionId, []);
  router.prepare(snapshot.then(({ shapes }) => shapes));
  return snapshot;
}

function idsOf(events: readonly ConnectionEvent[]): string[] {
  return events.map(({ id }) => id);
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
