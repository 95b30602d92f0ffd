import { maximumPacketSize } from '../../protocol/packet-splitter';
import { Reason } from '../../protocol/reason-codes';
import { inParallel } from '../../shared/parallel';
import type { Fence, SessionId } from '../model/fence';
import type { SessionHead } from '../model/session';
import { countSent, type Traffic } from '../observability/metrics';
import type { PostResult } from '../ports/gateway';
import type { Ports } from '../ports/ports';
import { hangUp } from './close-connection';
import { isCongested, noteRefusal, type ReaderLimit } from './congestion';
import { type Aliasable, aliasBytes, type OwnAliases, withAliases } from './topic-aliases';

/** Connections posted to at the same time. */
const parallelPosts = 50;

/** Slots of one connection changed at the same time. */
const parallelUnsends = 25;

/** Seconds until another attempt to send what was sent or not, nobody knows. */
const retrySeconds = 2;

/** What is lost when a packet cannot be sent. */
export type Stake =
  /** QoS 0: nothing that was promised. */
  | TransientStake
  /** An answer. */
  | { readonly kind: 'answer' }
  | RingStake;

interface TransientStake {
  readonly kind: 'transient';
  readonly clientId: string;
}

/** A message in the ring, which can be sent again; the number is that of its slot. */
export interface RingStake {
  readonly kind: 'ring';
  readonly clientId: string;
  readonly session: SessionId;
  readonly fence: Fence;
  readonly slot: number;
  readonly number: number;
  readonly packetId: number;
  readonly qos: 1 | 2;
}

/** A PUBLISH in a parcel. */
export interface Content extends Traffic {
  /** When the message reached the gateway, if it was published just now. */
  readonly receivedAt?: number;
}

export interface Parcel {
  readonly bytes: Buffer;
  readonly stake: Stake;
  readonly aliasable?: Aliasable;
  /** Absent when it is not a PUBLISH. */
  readonly content?: Content;
  /** Head of a session whose client reads again, if this can be sent. */
  readonly congested?: SessionHead;
}

type Parcels = Map<string, Parcel[]>;

/** Packets on their way out, gathered per connection so that each connection gets as few posts as possible. */
export class Outbox {
  private messages: Parcels = new Map();
  private answers = new Map<string, { readonly bytesOf: () => Buffer | undefined; readonly content?: Content }[]>();
  /** The client in whose stream this is has not taken something; when to go on, a timer says, or its end. */
  isHeldUp = false;

  constructor(
    private readonly ports: Ports,
    private readonly limit: ReaderLimit,
    /** The connection in whose stream this is, and the topic aliases that its client knows. */
    private readonly own?: { readonly connectionId: string; readonly aliases: OwnAliases },
  ) {}

  /**
   * An answer the client waits for: without it the two sides disagree. It is encoded when all that it depends on is known, and
   * left out when there turns out to be none.
   */
  answer(connectionId: string, bytesOf: () => Buffer | undefined, content?: Content): void {
    const waiting = this.answers.get(connectionId);
    const answer = { bytesOf, ...(content && { content }) };
    if (waiting) waiting.push(answer);
    else this.answers.set(connectionId, [answer]);
  }

  add(connectionId: string, parcel: Parcel): void {
    const waiting = this.messages.get(connectionId);
    if (waiting) waiting.push(parcel);
    else this.messages.set(connectionId, [parcel]);
  }

  async sendMessages(): Promise<void> {
    const parcels = this.messages;
    this.messages = new Map();
    await this.postAll(parcels);
  }

  async sendAnswers(): Promise<void> {
    const stake = { kind: 'answer' } as const;
    const parcels = [...this.answers].map(
      ([connectionId, waiting]) =>
        [
          connectionId,
          waiting.flatMap(({ bytesOf, ...rest }) => {
            const bytes = bytesOf();
            return bytes ? [{ ...rest, bytes, stake }] : [];
          }),
        ] as const,
    );
    this.answers = new Map();
    await this.postAll(new Map(parcels));
  }

  /** One gone or slow peer never delays or fails the others. */
  private async postAll(parcels: Parcels): Promise<void> {
    await inParallel([...parcels], parallelPosts, ([connectionId, waiting]) => this.post(connectionId, waiting));
  }

  private async post(connectionId: string, parcels: Parcel[]): Promise<void> {
    let most = Number.POSITIVE_INFINITY;
    for (let left = parcels; left.length > 0; ) {
      const count = Math.min(most, firstPost(left));
      const result = await this.attempt(connectionId, left.slice(0, count));
      if (result === 'too large' && left[0]?.stake.kind !== 'answer') {
        if (count === 1) await this.dropFirst(connectionId, left);
        if (connectionId === this.own?.connectionId) this.own.aliases.forget();
        left = left.slice(count === 1 ? 1 : 0);
        most = 1; // one by one, so that only what does not fit is dropped
      } else if (result !== 'sent') return this.failed(connectionId, result, left, count);
      else {
        this.measure(left.slice(0, count));
        await this.relieve(left.slice(0, count));
        left = left.slice(count);
      }
    }
  }

  /** Only an answer is worth another attempt at once, and only where the client was not found to read too slowly before. */
  private async attempt(connectionId: string, parcels: Parcel[]): Promise<PostResult> {
    const { ports } = this;
    const bytes = this.joined(connectionId, parcels);
    const result = await ports.connections.post(connectionId, bytes);
    if (result !== 'busy' || parcels[0]?.stake.kind !== 'answer') return result;
    return (await isCongested(ports, connectionId)) ? result : ports.connections.postAgain(connectionId, bytes);
  }

  private async relieve(sent: readonly Parcel[]): Promise<void> {
    const head = sent.find(({ congested }) => congested)?.congested;
    if (head) await this.ports.sessions.relieve(head);
  }

  /** Drops a message that no attempt can deliver, so that it is not in the way of those behind it. */
  private async dropFirst(connectionId: string, [parcel]: readonly Parcel[]): Promise<void> {
    if (!parcel) return;
    const { stake, bytes } = parcel;
    this.ports.log('packet too large', { connectionId, bytes: bytes.length });
    this.ports.metrics.count('DroppedTooLarge');
    if (stake.kind === 'ring') await this.ports.inflight.remove(stake.session, [stake.packetId]);
  }

  /** One post is one delivery, as late as the oldest message in it. */
  private measure(parcels: readonly Parcel[]): void {
    const { metrics, now } = this.ports;
    const contents = parcels.flatMap(({ content }) => content ?? []);
    countSent(metrics, contents);
    const oldest = contents.reduce(
      (time, { receivedAt = time }) => Math.min(time, receivedAt),
      Number.POSITIVE_INFINITY,
    );
    if (oldest !== Number.POSITIVE_INFINITY) metrics.measure('DeliveryLatency', Math.max(0, now() - oldest));
  }

  private joined(connectionId: string, parcels: Parcel[]): Buffer {
    const own = connectionId === this.own?.connectionId ? this.own.aliases : undefined;
    const packets = own ? parcels.map((parcel) => own.apply(parcel)) : withAliases(parcels);
    const [only] = packets;
    return packets.length === 1 && only ? only : Buffer.concat(packets);
  }

  private async failed(connectionId: string, result: PostResult, left: Parcel[], tried: number): Promise<void> {
    if (connectionId === this.own?.connectionId) {
      this.isHeldUp = true;
      this.own.aliases.forget();
    }
    if (result === 'gone') {
      const owner = left.map(({ stake }) => stake).find((stake) => stake.kind !== 'answer');
      return this.ports.packets.disconnect(connectionId, owner?.clientId);
    }
    const doubtful = result === 'unknown' ? left.slice(0, tried) : [];
    const needsClosing =
      left.some(({ stake }) => stake.kind === 'answer') ||
      doubtful.some(({ stake }) => stake.kind === 'ring' && stake.qos === 2);
    this.ports.log('post failed', { connectionId, result, packets: left.length, closing: needsClosing });
    return needsClosing
      ? hangUp(this.ports, connectionId, Reason.unspecifiedError)
      : this.sendLater(connectionId, result, left);
  }

  /** Back into the ring, and nothing overtakes it: the session counts as having something to send. */
  private async sendLater(connectionId: string, result: PostResult, parcels: Parcel[]): Promise<void> {
    const dropped = parcels.filter(({ stake }) => stake.kind === 'transient').length;
    if (dropped > 0) this.ports.metrics.count('DroppedSlow', dropped);
    const stakes = parcels.map(({ stake }) => stake).filter((stake) => stake.kind === 'ring');
    const slots = [...new Map(stakes.map((stake) => [stake.slot, stake])).values()];
    await inParallel(slots, parallelUnsends, (stake) => this.ports.inflight.unsend(stake, stake.fence));
    const clientId = parcels.flatMap(({ stake }) => (stake.kind === 'answer' ? [] : stake.clientId))[0];
    if (clientId === undefined) return;
    const hasWaiting = slots.length > 0;
    if (result === 'busy') return noteRefusal(this.ports, this.limit, { clientId, connectionId, hasWaiting });
    if (!hasWaiting) return;
    await this.ports.sessions.ask(clientId, connectionId);
    await this.ports.timers.wake(connectionId, retrySeconds);
  }
}

/** How many parcels fit into one post, at least one. A packet never spans two posts. */
function firstPost(parcels: Parcel[]): number {
  let size = 0;
  const end = parcels.findIndex(({ bytes, aliasable }, index) => {
    size += bytes.length + (aliasable ? aliasBytes : 0);
    return index > 0 && size > maximumPacketSize;
  });
  return end < 0 ? parcels.length : end;
}
