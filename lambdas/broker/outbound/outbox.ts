import { gatewayMaxPacketSize } from '../../protocol/limits';
import { Reason } from '../../protocol/reason-codes';
import { inParallel } from '../../shared/parallel';
import type { Fence, SessionId } from '../model/fence';
import type { SessionItem } from '../model/session';
import { countSent, type Traffic } from '../observability/metrics';
import type { PostResult } from '../ports/gateway';
import type { Ports } from '../ports/ports';
import { closeConnection } from './close-connection';
import { isCongested, type ReaderLimit, recordRefusal } from './congestion';
import { type Aliasable, aliasBytes, type ConnectionAliases, withAliases } from './topic-aliases';

/** Connections posted to at the same time. */
const parallelPosts = 50;

/** Slots of one connection changed at the same time. */
const parallelUnsends = 25;

/** Seconds until the next attempt after a post whose result is unknown. */
const retrySeconds = 2;

/** The origin of a packet, which decides what follows from a failed post. */
export type PacketSource = Qos0Source | ResponseSource | QueueSource;

/** A message of QoS 0. It is dropped. */
interface Qos0Source {
  readonly kind: 'qos0';
  readonly clientId: string;
}

/** A response to a packet of the client. Without it the two sides disagree, so the connection is closed. */
interface ResponseSource {
  readonly kind: 'response';
}

/** A message in the queue of a session, which can be sent again. */
export interface QueueSource {
  readonly kind: 'queued';
  readonly clientId: string;
  readonly session: SessionId;
  readonly fence: Fence;
  readonly slot: number;
  /** Number of the first message in the slot. */
  readonly number: number;
  readonly packetId: number;
  readonly qos: 1 | 2;
}

/** The PUBLISH in a packet, for the metrics. */
export interface OutgoingPublish extends Traffic {
  /** Time at which the gateway received the message, milliseconds since 1970; absent where no client has published it just now. */
  readonly receivedAt?: number;
}

export interface OutgoingPacket {
  readonly bytes: Buffer;
  readonly source: PacketSource;
  /** Present where the packet may use a topic alias. */
  readonly aliasable?: Aliasable;
  /** Absent for other packets than PUBLISH. */
  readonly publish?: OutgoingPublish;
  /** The session of a congested client, which reads again if this packet can be sent. */
  readonly congestedSession?: SessionItem;
}

/** The connection whose events the turn handles. */
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

interface PendingResponse {
  readonly bytesOf: () => Buffer | undefined;
  readonly publish?: OutgoingPublish;
}

type PacketsByConnection = Map<string, OutgoingPacket[]>;

/** Outgoing packets, gathered by connection so that each connection gets as few posts as possible. */
export class Outbox {
  /** A post to the own connection has failed. A timer or the end of the connection continues. */
  isBlocked = false;
  private readonly ports: Ports;
  private readonly settings: ReaderLimit;
  private readonly own: OwnConnection | undefined;
  private messages: PacketsByConnection = new Map();
  private responses = new Map<string, PendingResponse[]>();

  constructor({ ports, settings, own }: OutboxOptions) {
    this.ports = ports;
    this.settings = settings;
    this.own = own;
  }

  /**
   * Adds a response that the client waits for. `bytesOf` encodes it when all that it depends on is known, and returns undefined if
   * there is nothing to send.
   *
   * @param publish Present for a PUBLISH that leaves among the responses, such as a retained message behind SUBACK.
   */
  respond(connectionId: string, bytesOf: () => Buffer | undefined, publish?: OutgoingPublish): void {
    const waiting = this.responses.get(connectionId);
    const response = { bytesOf, ...(publish && { publish }) };
    if (waiting) waiting.push(response);
    else this.responses.set(connectionId, [response]);
  }

  /** Adds a message. */
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
    const source = { kind: 'response' } as const;
    const packets = [...this.responses].map(([connectionId, responses]) => {
      const encoded = responses.flatMap(({ bytesOf, ...rest }) => {
        const bytes = bytesOf();
        return bytes ? [{ ...rest, bytes, source }] : [];
      });
      return [connectionId, encoded] as const;
    });
    this.responses = new Map();
    await this.postAll(new Map(packets));
  }

  /** Posts side by side, so that a gone or slow peer neither delays nor fails the others. */
  private async postAll(packets: PacketsByConnection): Promise<void> {
    await inParallel([...packets], parallelPosts, ([connectionId, waiting]) => this.post(connectionId, waiting));
  }

  private async post(connectionId: string, packets: OutgoingPacket[]): Promise<void> {
    let maxPackets = Number.POSITIVE_INFINITY;
    for (let left = packets; left.length > 0; ) {
      const count = Math.min(maxPackets, packetsOfPost(left));
      const result = await this.attempt(connectionId, left.slice(0, count));
      if (result === 'too large' && left[0]?.source.kind !== 'response') {
        if (count === 1) await this.dropFirst(connectionId, left);
        if (connectionId === this.own?.connectionId) this.own.aliases.forget();
        left = left.slice(count === 1 ? 1 : 0);
        maxPackets = 1; // one by one, so that only packets that do not fit are dropped
      } else if (result !== 'sent') return this.handleFailure(connectionId, left, { result, attempted: count });
      else {
        this.measure(left.slice(0, count));
        await this.clearCongestion(left.slice(0, count));
        left = left.slice(count);
      }
    }
  }

  /** Retries only responses, and only where the client was not found to read too slowly before. */
  private async attempt(connectionId: string, packets: OutgoingPacket[]): Promise<PostResult> {
    const { ports } = this;
    const bytes = this.joined(connectionId, packets);
    const result = await ports.connections.post(connectionId, bytes);
    if (result !== 'busy' || packets[0]?.source.kind !== 'response') return result;
    return (await isCongested(ports, connectionId)) ? result : ports.connections.postWithRetries(connectionId, bytes);
  }

  private async clearCongestion(sent: readonly OutgoingPacket[]): Promise<void> {
    const item = sent.find(({ congestedSession }) => congestedSession)?.congestedSession;
    if (item) await this.ports.sessions.clearCongestion(item);
  }

  /** Drops a message that no attempt can deliver, so that it does not block those behind it. */
  private async dropFirst(connectionId: string, [packet]: readonly OutgoingPacket[]): Promise<void> {
    if (!packet) return;
    const { source, bytes } = packet;
    this.ports.log('packet too large', { connectionId, bytes: bytes.length });
    this.ports.metrics.count('DroppedTooLarge');
    if (source.kind === 'queued') await this.ports.inflight.remove(source.session, [source.packetId]);
  }

  /** Measures one delivery per post, by the oldest message in it. */
  private measure(packets: readonly OutgoingPacket[]): void {
    const { metrics, now } = this.ports;
    const publishes = packets.flatMap(({ publish }) => publish ?? []);
    countSent(metrics, publishes);
    const oldest = publishes.reduce(
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

  /** Closes a connection whose client may miss a response or a QoS 2 PUBLISH; else sends the messages later. */
  private async handleFailure(
    connectionId: string,
    left: readonly OutgoingPacket[],
    { result, attempted }: FailedPost,
  ): Promise<void> {
    if (connectionId === this.own?.connectionId) {
      this.isBlocked = true;
      this.own.aliases.forget();
    }
    if (result === 'gone') {
      const message = left.map(({ source }) => source).find((source) => source.kind !== 'response');
      return this.ports.packets.disconnect(connectionId, message?.clientId);
    }
    const uncertain = result === 'unknown' ? left.slice(0, attempted) : [];
    const needsClosing =
      left.some(({ source }) => source.kind === 'response') ||
      uncertain.some(({ source }) => source.kind === 'queued' && source.qos === 2);
    this.ports.log('post failed', { connectionId, result, packets: left.length, closing: needsClosing });
    return needsClosing
      ? closeConnection(this.ports, connectionId, { reason: Reason.unspecifiedError })
      : this.sendLater(connectionId, result, left);
  }

  /** Marks queued messages as unsent and requests a wake, so that nothing overtakes them. Drops QoS 0 messages. */
  private async sendLater(connectionId: string, result: PostResult, packets: readonly OutgoingPacket[]): Promise<void> {
    const dropped = packets.filter(({ source }) => source.kind === 'qos0').length;
    if (dropped > 0) this.ports.metrics.count('DroppedSlow', dropped);
    const sources = packets.map(({ source }) => source).filter((source) => source.kind === 'queued');
    const slots = [...new Map(sources.map((source) => [source.slot, source])).values()];
    await inParallel(slots, parallelUnsends, (source) => this.ports.inflight.markUnsent(source, source.fence));
    const clientId = packets.flatMap(({ source }) => (source.kind === 'response' ? [] : source.clientId))[0];
    if (clientId === undefined) return;
    const hasWaiting = slots.length > 0;
    if (result === 'busy') return recordRefusal(this.ports, this.settings, { clientId, connectionId, hasWaiting });
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

/** Returns how many packets fit into one post, at least one. A packet never spans two posts. */
function packetsOfPost(packets: OutgoingPacket[]): number {
  let size = 0;
  const end = packets.findIndex(({ bytes, aliasable }, index) => {
    size += bytes.length + (aliasable ? aliasBytes : 0);
    return index > 0 && size > gatewayMaxPacketSize;
  });
  return end < 0 ? packets.length : end;
}
