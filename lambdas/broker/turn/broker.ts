import { setTimeout as sleep } from 'node:timers/promises';
import { firstByte } from '../../protocol/frames';
import type { Settings } from '../../settings';
import { together } from '../../shared/parallel';
import type { StoredConnection } from '../model/connection';
import { type ConnectionEvent, isFrame } from '../model/connection-event';
import type { FanOutJob, IdentifiedMessage } from '../model/fan-out-job';
import type { Ports } from '../ports/ports';
import { createPublishing, type Publishing } from '../publishing/create-publishing';
import { deliveriesFor } from '../publishing/publisher';
import { Router } from '../topic-index/router';
import { SubscriberCache } from '../topic-index/subscriber-cache';
import { ConnectionCache } from './connection-cache';
import { FrameReader } from './frames';
import { limitedBy } from './time-limit';
import { runTurn } from './turn';
import type { TurnInput } from './turn-input';
import { fastPath, fullTurn, optimisticTurn } from './turn-modes';

/** Milliseconds by which turns with a SUBSCRIBE go ahead. A longer time would let one with many retained messages delay the others. */
const headStart = 100;

/** Milliseconds before the end of an invocation at which its turns stop; events that are not done are given back. */
const timeToClose = 6_000;

/** Milliseconds before the end of an invocation until which a redelivered event is handled. */
const timeToRepeat = 13_000;

/** Milliseconds before the end of an invocation at which it returns in any case. */
const timeToReturn = 1_000;

/** A connection and its events, in their order. */
type Group = readonly [connectionId: string, events: readonly ConnectionEvent[]];

/** Ports and router that the turns of one invocation share. */
type Invocation = Pick<TurnInput, 'ports' | 'router'>;

/** The broker of one container. Whatever it remembers between invocations is confirmed before it is used. */
export class Broker {
  private readonly index = new SubscriberCache();
  private readonly connections = new ConnectionCache();

  constructor(
    private readonly ports: Ports,
    private readonly settings: Settings,
  ) {}

  /**
   * Handles a batch of events. Connections run side by side and fail alone. Returns the ids of the events to be delivered again.
   *
   * Turns with a SUBSCRIBE go first: people expect a subscription to receive a message that is published a moment later on another
   * connection, although MQTT does not promise it. Redelivered events come last, one connection after the other, because one of
   * them may have used up the time of an earlier invocation.
   *
   * @param remaining Milliseconds until the invocation ends.
   */
  async receive(
    events: readonly ConnectionEvent[],
    remaining: () => number = () => Number.POSITIVE_INFINITY,
  ): Promise<string[]> {
    const refreshing = this.ports.debugClients.refresh();
    const invocation = this.invocation(() => remaining() < timeToClose);
    const groups = [...byConnection(events)];
    const isRepeated = ([, group]: Group) => group.some(({ redelivered }) => redelivered);
    const fresh = groups.filter((group) => !isRepeated(group));
    const subscribing = fresh.filter(([, group]) => group.some(subscribes));
    const others = fresh.filter(([, group]) => !group.some(subscribes));
    const first = this.takeTurns(invocation, subscribing);
    if (subscribing.length > 0) await Promise.race([first, sleep(headStart)]);
    const failed = await together([first, this.takeTurns(invocation, others), refreshing]);
    const repeated = await this.repeat(invocation, groups.filter(isRepeated), remaining);
    return [...failed[0], ...failed[1], ...repeated];
  }

  /** Handles redelivered events. A connection whose turn takes all the time again is closed. */
  private async repeat(invocation: Invocation, groups: readonly Group[], remaining: () => number): Promise<string[]> {
    const failed: string[] = [];
    for (const group of groups) {
      const hasTime = remaining() >= timeToRepeat;
      const again = hasTime ? await this.takeTurns(invocation, [group]) : idsOf(group[1]);
      const isTooLong = hasTime && again.length > 0 && remaining() < timeToClose;
      failed.push(...(isTooLong ? await this.close(group, remaining) : again));
    }
    return failed;
  }

  private close([connectionId, events]: Group, remaining: () => number): Promise<string[]> {
    this.ports.log('turn too long', { connectionId, events: events.length });
    const exhausted = events.map((event) => ({ ...event, exhausted: true }));
    return this.takeTurns(
      this.invocation(() => remaining() < timeToReturn),
      [[connectionId, exhausted]],
    );
  }

  private invocation(isOver: () => boolean): Invocation {
    const ports = limitedBy(this.ports, isOver);
    return { ports, router: new Router(ports.topicIndex, this.index) };
  }

  private async takeTurns(invocation: Invocation, groups: readonly Group[]): Promise<string[]> {
    const { settings, connections } = this;
    const failed = await together(
      groups.map(async ([connectionId, events]) => {
        try {
          const reader = new FrameReader(settings.maxPacketSize);
          await this.takeTurn({ ...invocation, settings, connections, connectionId, events, reader });
          return [];
        } catch (error) {
          this.ports.log('turn failed', { connectionId, error: String(error), stack: (error as Error).stack ?? '' });
          return idsOf(events);
        }
      }),
    );
    return failed.flat();
  }

  /** Runs the cheapest kind of turn that these events allow; the full turn if the others cannot. */
  private async takeTurn(input: TurnInput): Promise<void> {
    const cached = this.connections.take(input.connectionId);
    const fast = cached && fastPath(input, cached);
    if (fast && (await runTurn(input, { connection: cached }, fast)) === 'done') return;
    const stored = read(input);
    stored.catch(() => undefined); // the turn that awaits it gets the error
    const optimistic = cached && optimisticTurn(input, cached, stored);
    if (optimistic && (await runTurn(input, { connection: cached }, optimistic)) === 'done') return;
    await runTurn(input, await stored, fullTurn);
  }

  /** Publishes messages that no client of this broker has sent. An earlier attempt may have published the same ids. */
  async publish(incoming: readonly IdentifiedMessage[]): Promise<void> {
    const { dispatch, publisher } = this.publishing();
    const flags = { replay: false, attempted: true, retained: false };
    await publisher.publish(incoming.map(({ id, message }) => ({ id, message, ...flags })));
    await dispatch.send();
  }

  /** Delivers a fan-out job. `redelivered`: an earlier attempt may have sent its QoS 0 messages. */
  async fanOut(job: FanOutJob, { redelivered }: { readonly redelivered: boolean }): Promise<void> {
    const refreshing = this.ports.debugClients.refresh();
    const { dispatch, deliverer } = this.publishing();
    const messages = job.messages.map(({ id, message, attempted, receivedAt }) => ({
      id,
      message,
      replay: redelivered,
      attempted: attempted || redelivered,
      retained: false,
      ...(receivedAt !== undefined && { receivedAt }),
    }));
    await deliverer.deliver(deliveriesFor(messages, () => job.subscribers));
    await dispatch.send();
    await refreshing;
  }

  private publishing(): Publishing {
    const { ports, settings } = this;
    return createPublishing({ ports, settings, router: new Router(ports.topicIndex, this.index) });
  }
}

/** Reads the connection. The first turn of an invocation that will route reads the list of shapes in the same call. */
async function read({ ports, router, connectionId, events }: TurnInput): Promise<StoredConnection> {
  if (router.isPrepared || !events.some(mayRoute)) return ports.connectionStore.load(connectionId);
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

/** Packet types whose handling reads the list of shapes. */
const routingTypes = new Set([3, 6, 8, 10]); // PUBLISH, PUBREL, SUBSCRIBE, UNSUBSCRIBE

/** A guess from the first packet: SUBSCRIBE is seldom sent behind another packet in one frame. */
function subscribes(event: ConnectionEvent): boolean {
  return isFrame(event) && firstByte(event.text) >> 4 === 8;
}

/**
 * A guess from the first packet, so that the list of shapes is read beside the connection and not after it. A retained message is
 * routed by a list that is read after the message is stored.
 */
function mayRoute(event: ConnectionEvent): boolean {
  if (!isFrame(event)) return false;
  const header = firstByte(event.text);
  return routingTypes.has(header >> 4) && !isRetained(header);
}

/** True for the fixed header of a PUBLISH with RETAIN. */
function isRetained(header: number): boolean {
  return header >> 4 === 3 && (header & 1) === 1;
}
