import { gatewayMaxPacketSize } from '../../protocol/limits';
import { Reason } from '../../protocol/reason-codes';
import { inParallel } from '../../shared/parallel';
import type { Fence, SessionId } from '../model/fence';
import type { SessionItem } from '../model/session';
import { countSent, type Traffic } from '../observability/metrics';
import type { PostResult } from '../ports/gateway';
import type { Ports } from '../ports/ports';
import { closeConnection } from './close-connection';
import { isCongested, noteRefusal, type ReaderLimit } from './congestion';
import { type Aliasable, aliasBytes, type ConnectionAliases, withAliases } from './topic-aliases';

/** Connections posted to at the same time. */
const parallelPosts = 50;

/** Slots of one connection changed at the same time. */
const parallelUnsends = 25;

/** Seconds until another attempt to send what was sent or not, nobody knows. */
const retrySeconds = 2;

/** What is lost when a packet cannot be sent. */
export type PacketSource =
  /** QoS 0: nothing that was promised. */
  | TransientStake
  /** An answer. */
  | { readonly kind: 'answer' }
  | QueueSource;

interface TransientStake {
  readonly kind: 'transient';
  readonly clientId: string;
}

/** A message in the ring, which can be sent again; the number is that of its slot. */
export interface QueueSource {
  readonly kind: 'ring';
  readonly clientId: string;
  readonly session: SessionId;
  readonly fence: Fence;
  readonly slot: number;
  readonly number: number;
  readonly packetId: number;
  readonly qos: 1 | 2;
}

/** A PUBLISH in a packet. */
export interface OutgoingPublish extends Traffic {
  /** When the message reached the gateway, if it was published just now. */
  readonly receivedAt?: number;
}

export interface OutgoingPacket {
  readonly bytes: Buffer;
  readonly source: PacketSource;
  readonly aliasable?: Aliasable;
  /** Absent when it is not a PUBLISH. */
  readonly content?: OutgoingPublish;
  /** Head of a session whose client reads again, if this can be sent. */
  readonly congested?: SessionItem;
}

/** The connection whose events the turn handles. Other turns never post to it with these aliases. */
export interface OwnConnection {
  readonly connectionId: string;
  /** Topic aliases that its client knows. */
  readonly aliases: ConnectionAliases;
}

export interface OutboxOptions {
  readonly ports: Ports;
  readonly settings: ReaderLimit;
  /** Absent outside the stream of a connection. */
  readonly own?: OwnConnection;
}

type PacketsByConnection = Map<string, OutgoingPacket[]>;

/** Packets on their way out, gathered per connection so that each connection gets as few posts as possible. */
export class Outbox {
  private messages: PacketsByConnection = new Map();
  private responses = new Map<
    string,
    { readonly bytesOf: () => Buffer | undefined; readonly content?: OutgoingPublish }[]
  >();
  /** The client in whose stream this is has not taken something; when to go on, a timer says, or its end. */
  isHeldUp = false;

  private readonly ports: Ports;
  private readonly settings: ReaderLimit;
  private readonly own: OwnConnection | undefined;

  constructor({ ports, settings, own }: OutboxOptions) {
    this.ports = ports;
    this.settings = settings;
    this.own = own;
  }

  /**
   * An answer the client waits for: without it the two sides disagree. It is encoded when all that it depends on is known, and
   * left out when there turns out to be none.
   */
  respond(connectionId: string, bytesOf: () => Buffer | undefined, content?: OutgoingPublish): void {
    const waiting = this.responses.get(connectionId);
    const answer = { bytesOf, ...(content && { content }) };
    if (waiting) waiting.push(answer);
    else this.responses.set(connectionId, [answer]);
  }

  add(connectionId: string, packet: OutgoingPacket): void {
    const waiting = this.messages.get(connectionId);
    if (waiting) waiting.push(packet);
    else this.messages.set(connectionId, [packet]);
  }

  async sendMessages(): Promise<void> {
    const packets = this.messages;
    this.messages = new Map();
    await this.postAll(packets);
  }

  async sendResponses(): Promise<void> {
    const source = { kind: 'answer' } as const;
    const packets = [...this.responses].map(
      ([connectionId, waiting]) =>
        [
          connectionId,
          waiting.flatMap(({ bytesOf, ...rest }) => {
            const bytes = bytesOf();
            return bytes ? [{ ...rest, bytes, source }] : [];
          }),
        ] as const,
    );
    this.responses = new Map();
    await this.postAll(new Map(packets));
  }

  /** One gone or slow peer never delays or fails the others. */
  private async postAll(packets: PacketsByConnection): Promise<void> {
    await inParallel([...packets], parallelPosts, ([connectionId, waiting]) => this.post(connectionId, waiting));
  }

  private async post(connectionId: string, packets: OutgoingPacket[]): Promise<void> {
    let most = Number.POSITIVE_INFINITY;
    for (let left = packets; left.length > 0; ) {
      const count = Math.min(most, firstPost(left));
      const result = await this.attempt(connectionId, left.slice(0, count));
      if (result === 'too large' && left[0]?.source.kind !== 'answer') {
        if (count === 1) await this.dropFirst(connectionId, left);
        if (connectionId === this.own?.connectionId) this.own.aliases.forget();
        left = left.slice(count === 1 ? 1 : 0);
        most = 1; // one by one, so that only what does not fit is dropped
      } else if (result !== 'sent') return this.handleFailure(connectionId, left, { result, attempted: count });
      else {
        this.measure(left.slice(0, count));
        await this.relieve(left.slice(0, count));
        left = left.slice(count);
      }
    }
  }

  /** Only an answer is worth another attempt at once, and only where the client was not found to read too slowly before. */
  private async attempt(connectionId: string, packets: OutgoingPacket[]): Promise<PostResult> {
    const { ports } = this;
    const bytes = this.joined(connectionId, packets);
    const result = await ports.connections.post(connectionId, bytes);
    if (result !== 'busy' || packets[0]?.source.kind !== 'answer') return result;
    return (await isCongested(ports, connectionId)) ? result : ports.connections.postAgain(connectionId, bytes);
  }

  private async relieve(sent: readonly OutgoingPacket[]): Promise<void> {
    const head = sent.find(({ congested }) => congested)?.congested;
    if (head) await this.ports.sessions.relieve(head);
  }

  /** Drops a message that no attempt can deliver, so that it is not in the way of those behind it. */
  private async dropFirst(connectionId: string, [packet]: readonly OutgoingPacket[]): Promise<void> {
    if (!packet) return;
    const { source, bytes } = packet;
    this.ports.log('packet too large', { connectionId, bytes: bytes.length });
    this.ports.metrics.count('DroppedTooLarge');
    if (source.kind === 'ring') await this.ports.inflight.remove(source.session, [source.packetId]);
  }

  /** One post is one delivery, as late as the oldest message in it. */
  private measure(packets: readonly OutgoingPacket[]): void {
    const { metrics, now } = this.ports;
    const contents = packets.flatMap(({ content }) => content ?? []);
    countSent(metrics, contents);
    const oldest = contents.reduce(
      (time, { receivedAt = time }) => Math.min(time, receivedAt),
      Number.POSITIVE_INFINITY,
    );
    if (oldest !== Number.POSITIVE_INFINITY) metrics.measure('DeliveryLatency', Math.max(0, now() - oldest));
  }

  private joined(connectionId: string, packets: OutgoingPacket[]): Buffer {
    const own = connectionId === this.own?.connectionId ? this.own.aliases : undefined;
    const bytes = own ? packets.map((packet) => own.apply(packet)) : withAliases(packets);
    const [only] = bytes;
    return bytes.length === 1 && only ? only : Buffer.concat(bytes);
  }

  private async handleFailure(
    connectionId: string,
    left: readonly OutgoingPacket[],
    { result, attempted }: FailedPost,
  ): Promise<void> {
    if (connectionId === this.own?.connectionId) {
      this.isHeldUp = true;
      this.own.aliases.forget();
    }
    if (result === 'gone') {
      const owner = left.map(({ source }) => source).find((source) => source.kind !== 'answer');
      return this.ports.packets.disconnect(connectionId, owner?.clientId);
    }
    const doubtful = result === 'unknown' ? left.slice(0, attempted) : [];
    const needsClosing =
      left.some(({ source }) => source.kind === 'answer') ||
      doubtful.some(({ source }) => source.kind === 'ring' && source.qos === 2);
    this.ports.log('post failed', { connectionId, result, packets: left.length, closing: needsClosing });
    return needsClosing
      ? closeConnection(this.ports, connectionId, { reason: Reason.unspecifiedError })
      : this.sendLater(connectionId, result, left);
  }

  /** Back into the ring, and nothing overtakes it: the session counts as having something to send. */
  private async sendLater(connectionId: string, result: PostResult, packets: readonly OutgoingPacket[]): Promise<void> {
    const dropped = packets.filter(({ source }) => source.kind === 'transient').length;
    if (dropped > 0) this.ports.metrics.count('DroppedSlow', dropped);
    const sources = packets.map(({ source }) => source).filter((source) => source.kind === 'ring');
    const slots = [...new Map(sources.map((source) => [source.slot, source])).values()];
    await inParallel(slots, parallelUnsends, (source) => this.ports.inflight.unsend(source, source.fence));
    const clientId = packets.flatMap(({ source }) => (source.kind === 'answer' ? [] : source.clientId))[0];
    if (clientId === undefined) return;
    const hasWaiting = slots.length > 0;
    if (result === 'busy') return noteRefusal(this.ports, this.settings, { clientId, connectionId, hasWaiting });
    if (!hasWaiting) return;
    await this.ports.sessions.requestWake(clientId, connectionId);
    await this.ports.timers.scheduleWake(connectionId, retrySeconds);
  }
}

interface FailedPost {
  readonly result: PostResult;
  /** Number of packets in the post. */
  readonly attempted: number;
}

/** How many packets fit into one post, at least one. A packet never spans two posts. */
function firstPost(packets: OutgoingPacket[]): number {
  let size = 0;
  const end = packets.findIndex(({ bytes, aliasable }, index) => {
    size += bytes.length + (aliasable ? aliasBytes : 0);
    return index > 0 && size > gatewayMaxPacketSize;
  });
  return end < 0 ? packets.length : end;
}
