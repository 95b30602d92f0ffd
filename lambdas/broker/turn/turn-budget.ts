import type { ClientPacket } from '../../protocol/packets';
import { ProtocolError, Reason } from '../../protocol/reason-codes';
import type { ControlMeter } from '../model/control-allowance';

/**
 * Packets, topics of published messages, and dependent steps of one turn. Beyond these the turn leaves the rest to the next event of
 * its connection: the other connections of the invocation wait for its slowest turn.
 */
const packetsPerTurn = 1024;
const topicsPerTurn = 256;
const stepsPerTurn = 4;

/** A turn goes on up to these if the rest is too large to be stored with the connection. Beyond them the connection is closed. */
const maxPackets = 8 * packetsPerTurn;
const maxSteps = 16 * stepsPerTurn;

/** The budget of one turn of a connection. */
export class TurnBudget {
  private packets = 0;
  private steps = 0;
  private readonly topics = new Set<string>();
  private readonly isRedelivered: boolean;

  /** `isRedelivered`: an earlier attempt may have handled the acknowledgements of this turn. */
  constructor(
    private readonly meter: ControlMeter,
    { isRedelivered }: { readonly isRedelivered: boolean },
  ) {
    this.isRedelivered = isRedelivered;
  }

  /**
   * Counts a packet that arrived at `now`, milliseconds since 1970.
   *
   * @throws ProtocolError 0x96 if the turn has too many packets, or the connection too many control packets in a short time.
   */
  take(packet: ClientPacket, now: number): void {
    this.packets += 1;
    if (this.packets > maxPackets) throw tooMuch(`more than ${maxPackets} packets at once`);
    this.meter.count(packet, now);
  }

  /** Counts the topic of a published message. */
  route(topic: string): void {
    this.topics.add(topic);
  }

  /**
   * Counts a step that could not wait for the end of the turn.
   *
   * @throws ProtocolError 0x96 if there are too many.
   */
  step(): void {
    this.steps += 1;
    if (this.steps > maxSteps) throw tooMuch('too many packets that depend on each other');
    this.meter.countStep();
  }

  /** Number of acknowledgements that may name packet ids without a message. */
  get tolerance(): number {
    return this.isRedelivered ? Number.POSITIVE_INFINITY : this.meter.tolerance;
  }

  /** Counts acknowledgements of packet ids without a message. @throws ProtocolError 0x96 if there are too many. */
  spendUnknown(count: number): void {
    if (!this.isRedelivered) this.meter.countUnknown(count);
  }

  /** True if the turn should leave the rest to the next event. */
  get isSpent(): boolean {
    return this.packets >= packetsPerTurn || this.topics.size >= topicsPerTurn || this.steps >= stepsPerTurn;
  }
}

function tooMuch(text: string): ProtocolError {
  return new ProtocolError(Reason.messageRateTooHigh, text);
}
