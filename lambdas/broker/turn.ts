import { decode } from '../protocol/codec/decode';
import { encode } from '../protocol/codec/encode';
import type { ConnectRequest, Effect, Message, RefusedRequest, SubscriptionRequest } from '../protocol/effects';
import { handlePacket } from '../protocol/handle-packet';
import { splitPackets } from '../protocol/packet-splitter';
import type { ClientPacket, ServerPacket } from '../protocol/packets';
import { connackCode, ProtocolError, Reason } from '../protocol/reason-codes';
import type { Settings } from '../settings';
import type { ConnectionCache } from './connection-cache';
import { expiryOf } from './deadline';
import { type Arrival, Deliverer, type Mail } from './deliver';
import { Dispatch } from './dispatch';
import { endConnection, publishWill } from './end-connection';
import { type ConnectionEvent, type Inbox, type ReadyFrame, readInbox } from './inbox';
import { openSession } from './open-session';
import { hangUp } from './outbox';
import type { ConnectionRecord, Ports } from './ports';
import { mailFor, Publisher } from './publish';
import { type PumpResult, pump } from './pump';
import { ringSpan } from './ring';
import type { Router } from './router';
import { subscribe, subscriberOf, unsubscribe } from './subscribe';
import { type Origin, Work } from './work';

/** MQTT 3.1.1; a refusal before the version is known is said in it. */
const version311 = 4;

/** Retained messages that one subscription gets at QoS 1 or 2. */
const retainedPerSubscription = ringSpan / 2;

/** What all turns of one container share. */
export interface Shared {
  readonly ports: Ports;
  readonly settings: Settings;
  readonly connections: ConnectionCache;
}

/**
 * All that one invocation does for one connection: load, decode, handle, make durable, send, commit. The commit comes
 * last, so whatever dies before is done again, and everything here is safe to do again.
 */
export class Turn {
  private readonly ports: Ports;
  private readonly dispatch: Dispatch;
  private readonly deliverer: Deliverer;
  private readonly publisher: Publisher;
  private readonly work: Work;
  private tail: Buffer;
  /** As it was stored when the turn began; absent until CONNECT has been handled. */
  private readonly before: ConnectionRecord | undefined;
  private over = false;
  private pumpFor: string | undefined;

  constructor(
    private readonly shared: Shared,
    private readonly router: Router,
    private readonly connectionId: string,
    private readonly events: readonly ConnectionEvent[],
    private connection: ConnectionRecord | undefined,
    /** Whether the connection is still as this turn believes; nothing is sent before it is known. */
    private readonly stillTrue: Promise<boolean> = Promise.resolve(true),
  ) {
    this.ports = shared.ports;
    this.dispatch = new Dispatch(shared.ports);
    this.deliverer = new Deliverer(shared.ports, shared.settings, this.dispatch);
    this.publisher = new Publisher(shared.ports, shared.settings, router, this.deliverer);
    this.work = new Work(shared.ports, this.publisher, this.dispatch, () => this.current());
    this.before = connection;
    this.tail = connection?.tail ?? Buffer.alloc(0);
  }

  async run(): Promise<void> {
    this.shared.connections.delete(this.connectionId); // back when this turn is committed
    if (this.events.some(({ exhausted }) => exhausted)) return this.lose(); // the client's resume settles it
    const inbox = readInbox(this.connection, this.events.filter(isFrame));
    try {
      await this.readFrames(inbox);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return this.refuse(error);
    }
    if (this.over) return;
    if (this.isLost()) return this.lose();
    if (this.connection) await this.conclude(this.connection, inbox);
  }

  // ---- frames to effects ----

  private async readFrames({ ready, broken, early }: Inbox): Promise<void> {
    if (!this.connection && early.length > 0) {
      // What is left over from a connection that has ended, or a stream whose CONNECT is missing.
      this.over = true;
      return this.ports.connections.close(this.connectionId);
    }
    for (const frame of ready) {
      await this.readFrame(frame);
      if (this.over) return;
    }
    if (broken) throw broken;
  }

  private async readFrame(frame: ReadyFrame): Promise<void> {
    const { packets, tail, broken } = splitPackets(this.tail, frame.bytes);
    this.tail = tail;
    for (const [index, bytes] of packets.entries()) {
      await this.handle(decode(bytes, this.connection?.version), {
        eventId: frame.eventId,
        id: `${frame.eventId}.${index}`,
        redelivered: frame.redelivered,
      });
      if (this.over) return;
    }
    if (broken) throw broken;
    if (tail.length > 0 && frame.number === undefined) {
      throw new ProtocolError(Reason.malformedPacket, 'frame without number ends inside a packet');
    }
  }

  private async handle(packet: ClientPacket, origin: Origin): Promise<void> {
    const effects = handlePacket(packet, this.connection, {
      generateClientId: () => `auto-${this.connectionId}`, // the same when CONNECT is handled again
      limits: this.shared.settings,
    });
    for (const effect of effects) await this.apply(effect, origin);
  }

  private apply(effect: Effect, origin: Origin): Promise<void> | void {
    switch (effect.do) {
      case 'send':
        return this.send(effect.packet);
      case 'accept':
        return this.work.accept(effect.message, origin);
      case 'hold':
        return this.hold(effect, origin);
      case 'release':
        return this.work.release(effect.packetId, origin);
      case 'settle':
        return this.work.settle(effect.packetId);
      case 'markReceived':
        return this.work.markReceived(effect.packetId);
      case 'complete':
        return this.work.complete(effect.packetId);
      case 'open':
        return this.open(effect.request, origin);
      case 'subscribe':
        return this.subscribe(effect.packetId, effect.requests, origin);
      case 'unsubscribe':
        return this.unsubscribe(effect.packetId, effect.filters);
      case 'end':
        return this.end();
    }
  }

  private send(packet: ServerPacket): void {
    const version = this.connection?.version ?? version311;
    this.dispatch.outbox.add(this.connectionId, encode(packet, version), { kind: 'answer' });
  }

  private hold({ packetId, message }: Extract<Effect, { do: 'hold' }>, origin: Origin): Promise<void> {
    this.connection = { ...this.current(), hasState: true };
    return this.work.hold(packetId, message, origin);
  }

  // ---- session ----

  private async open(request: ConnectRequest, origin: Origin): Promise<void> {
    const [{ connectedAt, receivedAt }] = this.events as [ConnectionEvent];
    const opened = await openSession(this.ports, request, { connectionId: this.connectionId, connectedAt, receivedAt });
    if (opened === 'late') return this.giveUp(request);
    this.connection = 'uncertain' in opened ? opened.uncertain : opened.connection;
    if ('uncertain' in opened) return this.lose();
    if (opened.displaced) await hangUp(this.ports, opened.displaced); // [v3 MQTT-3.1.4-2]
    this.send({ cmd: 'connack', returnCode: 0, sessionPresent: opened.sessionPresent });
    if (opened.sessionPresent) this.pumpFor = origin.eventId;
  }

  /** A newer connection of the same client id has the session. */
  private async giveUp({ clientId, will }: ConnectRequest): Promise<void> {
    this.over = true;
    if (will) await this.ports.sessions.removeWill(clientId, this.connectionId);
    await this.ports.connections.close(this.connectionId);
  }

  private async subscribe(
    packetId: number,
    requests: readonly (SubscriptionRequest | RefusedRequest)[],
    origin: Origin,
  ): Promise<void> {
    await this.work.finish(); // what was published before is not for the new subscriptions
    if (!this.before) await this.dispatch.send(); // from now on others may post to it, but CONNACK comes first [v3 MQTT-3.2.0-1]
    const connection = { ...this.current(), hasState: true };
    this.connection = connection;
    const { codes, granted } = await subscribe(this.ports, this.shared.settings, this.router, connection, requests);
    this.send({ cmd: 'suback', messageId: packetId, granted: codes });
    for (const request of granted) await this.sendRetained(connection, request, origin);
  }

  /** [v3 MQTT-3.3.1-6] At QoS 0 straight to the client, which is known to be here; above through the ring. */
  private async sendRetained(
    connection: ConnectionRecord,
    request: SubscriptionRequest,
    origin: Origin,
  ): Promise<void> {
    const messages = await this.retainedFor(connection, request);
    const arrivals = messages.map((message, index): Arrival => {
      const id = `${origin.id}/${request.filter}/${index}`;
      return {
        message: { ...message, retain: true },
        id,
        replay: false,
        attempted: origin.redelivered,
        retained: true,
      };
    });
    const mail = mailFor(arrivals, () => [subscriberOf(connection, request)]);
    for (const { arrival } of mail.flatMap(({ deliveries }) => deliveries.filter(({ qos }) => qos === 0))) {
      const { topic, payload } = arrival.message;
      this.send({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain: true });
    }
    const durable = mail.map(withoutTransient).filter(({ deliveries }) => deliveries.length > 0);
    if (durable.length > 0) await this.dispatch.send(); // SUBACK first
    await this.deliverer.deliver(durable);
  }

  /** Numbers in the ring are not without end: what is sent through it at once has to leave room for everybody else. */
  private async retainedFor({ clientId }: ConnectionRecord, { filter, qos }: SubscriptionRequest): Promise<Message[]> {
    const messages = await this.ports.retained.match(filter);
    if (qos === 0 || messages.length <= retainedPerSubscription) return messages;
    this.ports.log('too many retained messages', { clientId, dropped: messages.length - retainedPerSubscription });
    return messages.slice(0, retainedPerSubscription);
  }

  private async unsubscribe(packetId: number, filters: readonly string[]): Promise<void> {
    await this.work.finish();
    await unsubscribe(this.ports, this.router, this.current(), filters);
    this.send({ cmd: 'unsuback', messageId: packetId, granted: [] });
  }

  // ---- the end of a turn, the end of a connection ----

  private async conclude(connection: ConnectionRecord, inbox: Inbox): Promise<void> {
    await this.work.finish();
    if (!(await this.stillTrue)) return;
    await this.work.conclude();
    if ((await this.sendWaiting(connection)) === 'uncertain') return this.lose();
    await this.commit({ ...connection, ...this.progress(connection, inbox) });
  }

  /** What waits in the ring of a session that was resumed, or that somebody says has something to send. */
  private async sendWaiting(connection: ConnectionRecord): Promise<PumpResult> {
    const { clientId, fence } = connection;
    const wake = this.events.find(({ kind }) => kind === 'wake')?.id;
    if (this.pumpFor !== undefined) {
      const head = await this.ports.sessions.greet(clientId, fence);
      return head === 'changed' ? 'answered' : pump(this.ports, this.dispatch, connection, this.pumpFor, head);
    }
    return wake === undefined ? 'answered' : pump(this.ports, this.dispatch, connection, wake);
  }

  private progress(connection: ConnectionRecord, { lastNumber, early }: Inbox) {
    const lastSeen = Math.max(connection.lastSeen, ...this.events.filter(isFrame).map(({ receivedAt }) => receivedAt));
    return { lastSeen, lastNumber, early, tail: this.tail };
  }

  private async commit(record: ConnectionRecord): Promise<void> {
    const { before } = this;
    if (before && !this.events.some(isFrame)) return; // nothing happened
    if (before) await this.ports.connectionStore.commit(record, before);
    else await this.ports.connectionStore.create(record);
    this.shared.connections.set(record);
  }

  /** DISCONNECT: the will is discarded [v3 MQTT-3.14.4-3]. */
  private async end(): Promise<void> {
    this.over = true;
    await this.work.conclude();
    await this.ports.connections.close(this.connectionId);
    await endConnection(this.ports, this.current());
  }

  private isLost(): boolean {
    const { connection, events } = this;
    if (events.some(({ kind }) => kind === 'disconnect')) return true;
    const expired = events.find(({ kind }) => kind === 'expired');
    if (!connection || !expired) return false;
    const lastSeen = Math.max(connection.lastSeen, ...events.filter(isFrame).map(({ receivedAt }) => receivedAt));
    return expiryOf({ keepAlive: connection.keepAlive, lastSeen }) <= expired.receivedAt;
  }

  /** The connection is gone without DISCONNECT, or has to be closed: the will is published. */
  private async lose(): Promise<void> {
    this.over = true;
    const { connection } = this;
    await this.work.finish();
    if (connection) await publishWill(this.ports, this.publisher, connection);
    await this.work.conclude();
    await this.ports.connections.close(this.connectionId); // while the record still tells a next attempt to do so
    if (connection) await endConnection(this.ports, connection);
  }

  /** The client broke the protocol: it is told as far as its version has words, and closed. */
  private async refuse({ reason, message }: ProtocolError): Promise<void> {
    this.ports.log('protocol error', { connectionId: this.connectionId, reason, message });
    const returnCode = connackCode(reason);
    if (!this.connection && returnCode !== undefined) this.send({ cmd: 'connack', returnCode, sessionPresent: false });
    return this.lose();
  }

  private current(): ConnectionRecord {
    if (!this.connection) throw new Error(`connection ${this.connectionId} has no session`);
    return this.connection;
  }
}

function isFrame({ kind }: ConnectionEvent): boolean {
  return kind === 'message';
}

function withoutTransient(mail: Mail): Mail {
  return { ...mail, deliveries: mail.deliveries.filter(({ qos }) => qos > 0) };
}
