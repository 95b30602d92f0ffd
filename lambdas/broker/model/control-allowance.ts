import type { ClientPacket } from '../../protocol/packets';
import { ProtocolError, Reason } from '../../protocol/reason-codes';

/** What a connection may still send besides messages: two buckets that fill with time. A connection that has none has full ones. */
export interface ControlAllowance {
  /** Control packets; an acknowledgement is a fiftieth of one. */
  readonly packets: number;
  /** Acknowledgements of packet ids that have no message. */
  readonly unknown: number;
  /** When it was counted, milliseconds since 1970. */
  readonly at: number;
}

export interface ControlLimits {
  /** Control packets that one connection may send in a second on average; 0 is any number. */
  readonly maxControlRate: number;
}

/** Seconds for which the buckets hold what flows in: clients subscribe to everything at once when they connect. */
const burst = 10;

/**
 * A client that resumes its session may acknowledge what was acknowledged before, but not more than it can have had under way. Each
 * costs a unit of DynamoDB and finds nothing.
 */
const unknownBurst = 1024;
const unknownRate = 10;

/** So little in one turn is not counted, which keeps the record of an ordinary connection small. */
const uncounted = 8;

/** What a part of a turn counts for that could not wait until its end: SUBSCRIBE between two messages, for example. */
const step = 5;

/** What an acknowledgement, a PINGREQ or AUTH, and a topic filter of SUBSCRIBE or UNSUBSCRIBE counts for. */
const [acknowledgement, single, filter] = [1 / 50, 1, 1 / 2];

/** Messages have limits of their own. */
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

/** The control packets of one turn, counted against what the connection may still send. */
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
   * @throws ProtocolError 0x96 when there are too many.
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
   * Counts a part of a turn that could not wait until its end, as so many control packets.
   *
   * @throws ProtocolError 0x96 when there are too many.
   */
  countStep(): void {
    this.spend(step);
  }

  /** Acknowledgements that may still find nothing. */
  get tolerance(): number {
    return Math.floor(this.allowed('unknown', unknownRate, unknownBurst) - this.unknown);
  }

  /**
   * Counts acknowledgements that found no message.
   *
   * @throws ProtocolError 0x96 when there are too many.
   */
  countUnknown(count: number): void {
    this.unknown += count;
    if (this.tolerance < 0) throw tooMany('too many acknowledgements of packet ids that have no message');
  }

  /** Whether the turn has sent so little that it is not counted. */
  get isNegligible(): boolean {
    return this.spent <= uncounted && this.unknown <= uncounted;
  }

  /** What is left for the next turn; undefined where it is what was left before. */
  get left(): ControlAllowance | undefined {
    const { limits } = this;
    if (this.isNegligible) return undefined;
    const packets = this.allowed('packets', limits.maxControlRate, burst * limits.maxControlRate) - this.spent;
    const unknown = this.allowed('unknown', unknownRate, unknownBurst) - this.unknown;
    return { packets: Math.max(0, packets), unknown: Math.max(0, unknown), at: this.at };
  }

  /** What a bucket has held at the last packet of the turn, had nothing been taken from it in this turn. */
  private allowed(bucket: 'packets' | 'unknown', rate: number, size: number): number {
    const { before, at } = this;
    return before ? Math.min(size, before[bucket] + ((at - before.at) / 1000) * rate) : size;
  }
}

function tooMany(text: string): ProtocolError {
  return new ProtocolError(Reason.messageRateTooHigh, text);
}
