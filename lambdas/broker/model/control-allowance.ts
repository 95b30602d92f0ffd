import type { ClientPacket } from '../../protocol/packets';
import { ProtocolError, Reason } from '../../protocol/reason-codes';

/** Packets besides PUBLISH that a connection may still send: two token buckets. A connection without an allowance has full buckets. */
export interface ControlAllowance {
  /** Control packets; an acknowledgement counts as a fiftieth of one. */
  readonly packets: number;
  /** Acknowledgements of packet ids without a message. */
  readonly unknown: number;
  /** Time of this state, milliseconds since 1970. */
  readonly at: number;
}

export interface ControlLimits {
  /** Control packets that one connection may send in a second on average; 0 is no limit. */
  readonly maxControlRate: number;
}

/** Size of the buckets in seconds of their rate: clients subscribe to everything at once when they connect. */
const burst = 10;

/**
 * Size and rate of the bucket for unknown packet ids. A client that resumes its session may repeat acknowledgements, but not more than
 * it had messages in flight. Each costs a write unit of DynamoDB and finds nothing.
 */
const unknownBurst = 1024;
const unknownRate = 10;

/** Packets in one turn up to which nothing is counted, which keeps the record of an ordinary connection small. */
const uncounted = 8;

/** Weight of a part of a turn that could not wait until its end, for example SUBSCRIBE between two messages. */
const step = 5;

/** Weights of an acknowledgement, of a PINGREQ or AUTH, and of a topic filter in SUBSCRIBE or UNSUBSCRIBE. */
const [acknowledgement, single, filter] = [1 / 50, 1, 1 / 2];

/** Returns the weight of a packet. PUBLISH has limits of its own. */
function weightOf(packet: ClientPacket): number {
  switch (packet.cmd) {
    case 'connect':
    case 'publish':
    case 'disconnect':
      return 0;
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      return acknowledgement;
    case 'subscribe':
      return Math.max(single, filter * packet.subscriptions.length);
    case 'unsubscribe':
      return Math.max(single, filter * packet.unsubscriptions.length);
    case 'pingreq':
    case 'auth':
      return single;
  }
}

/** Counts the control packets of one turn against the allowance of the connection. */
export class ControlMeter {
  private spent = 0;
  private unknown = 0;
  private at: number;

  constructor(
    private readonly before: ControlAllowance | undefined,
    private readonly limits: ControlLimits,
  ) {
    this.at = before?.at ?? 0;
  }

  /**
   * Counts a packet that arrived at `now`, milliseconds since 1970.
   *
   * @throws ProtocolError 0x96 for too many.
   */
  count(packet: ClientPacket, now: number): void {
    this.at = Math.max(this.at, now);
    this.spend(weightOf(packet));
  }

  private spend(weight: number): void {
    this.spent += weight;
    const { maxControlRate } = this.limits;
    if (maxControlRate > 0 && this.allowed('packets', maxControlRate, burst * maxControlRate) < this.spent) {
      throw tooMany(`more than ${maxControlRate} control packets a second`);
    }
  }

  /**
   * Counts a part of a turn that could not wait until its end, as several control packets.
   *
   * @throws ProtocolError 0x96 for too many.
   */
  countStep(): void {
    this.spend(step);
  }

  /** Number of acknowledgements that may still find no message. */
  get tolerance(): number {
    return Math.floor(this.allowed('unknown', unknownRate, unknownBurst) - this.unknown);
  }

  /**
   * Counts acknowledgements that found no message.
   *
   * @throws ProtocolError 0x96 for too many.
   */
  countUnknown(count: number): void {
    this.unknown += count;
    if (this.tolerance < 0) throw tooMany('too many acknowledgements of packet ids that have no message');
  }

  /** The turn has so few packets that they are not counted. */
  get isNegligible(): boolean {
    return this.spent <= uncounted && this.unknown <= uncounted;
  }

  /** Allowance that is left for the next turn; undefined if it is unchanged. */
  get left(): ControlAllowance | undefined {
    const { limits } = this;
    if (this.isNegligible) return undefined;
    const packets = this.allowed('packets', limits.maxControlRate, burst * limits.maxControlRate) - this.spent;
    const unknown = this.allowed('unknown', unknownRate, unknownBurst) - this.unknown;
    return { packets: Math.max(0, packets), unknown: Math.max(0, unknown), at: this.at };
  }

  /** Returns the content of a bucket at the time of the last packet, without the packets of this turn. */
  private allowed(bucket: 'packets' | 'unknown', rate: number, size: number): number {
    const { before, at } = this;
    return before ? Math.min(size, before[bucket] + ((at - before.at) / 1000) * rate) : size;
  }
}

function tooMany(text: string): ProtocolError {
  return new ProtocolError(Reason.messageRateTooHigh, text);
}
