import type { ClientPacket } from '../../protocol/packets';
import { ProtocolError, Reason } from '../../protocol/reason-codes';
import type { ControlMeter } from '../model/control-allowance';

/**
 * After so many packets, topics that messages were published to, or parts that had to wait for each other, a turn leaves the rest to
 * the next event of its connection: whoever shares the invocation waits for its slowest turn.
 */
const packetsPerTurn = 1024;
const topicsPerTurn = 256;
const stepsPerTurn = 4;

/** Where the rest is too large to be kept with the connection the turn goes on; beyond these its connection is closed. */
const mostPackets = 8 * packetsPerTurn;
const mostSteps = 16 * stepsPerTurn;

/** What one turn of a connection may do. */
export class TurnBudget {
  private packets = 0;
  private steps = 0;
  private readonly topics = new Set<string>();

  /** `isRedelivered`: an earlier attempt may have settled what is acknowledged in this turn. */
  constructor(
    private readonly meter: ControlMeter,
    readonly isRedelivered: boolean,
  ) {}

  /**
   * Counts a packet that arrived at `now`, milliseconds since 1970.
   *
   * @throws ProtocolError 0x96 when the turn has too many packets, or the connection too many control packets in a short time.
   */
  take(packet: ClientPacket, now: number): void {
    this.packets += 1;
    if (this.packets > mostPackets) throw tooMuch(`more than ${mostPackets} packets at once`);
    this.meter.count(packet, now);
  }

  /** Counts the topic of a message that is routed. */
  route(topic: string): void {
    this.topics.add(topic);
  }

  /**
   * Counts a part of the turn that could not wait until its end.
   *
   * @throws ProtocolError 0x96 when there are too many.
   */
  step(): void {
    this.steps += 1;
    if (this.steps > mostSteps) throw tooMuch('too many packets that depend on each other');
    this.meter.countStep();
  }

  /** Acknowledgements of this turn that may name packet ids without a message. */
  get tolerance(): number {
    return this.isRedelivered ? Number.POSITIVE_INFINITY : this.meter.tolerance;
  }

  /** @throws ProtocolError 0x96 when there are too many. */
  spendUnknown(count: number): void {
    if (!this.isRedelivered) this.meter.countUnknown(count);
  }

  /** Whether the rest is better left to the next event. */
  get isSpent(): boolean {
    return this.packets >= packetsPerTurn || this.topics.size >= topicsPerTurn || this.steps >= stepsPerTurn;
  }
}

function tooMuch(text: string): ProtocolError {
  return new ProtocolError(Reason.messageRateTooHigh, text);
}
