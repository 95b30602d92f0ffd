import { checkFixedHeader } from '../../lambdas/protocol/codec/fixed-header';
import { readFixedHeader } from '../../lambdas/protocol/codec/read-fixed-header';
import { ProtocolError, Reason } from '../../lambdas/protocol/reason-codes';
import { type Refusal, SizeGate } from '../size-gate';
import { MAX_FRAME_BYTES, PacketTooLargeError, WireError } from '../wire';
import { asBuffer, PacketSplitter } from './packet-splitter';

/** The bytes of a client are no MQTT, or a packet is too large. Its connection cannot continue. */
export class InputError extends Error {
  constructor(
    message: string,
    /** Reason code of MQTT 5.0. */
    readonly reasonCode: number,
  ) {
    super(message);
  }
}

export interface InputEvents {
  onPacket(packet: Buffer): void;
  /** A packet was withheld because it is over the limit. */
  onRefusal(refusal: Refusal): void;
}

/** Reads the byte stream of one client: withholds oversized packets, and splits the rest into packets. */
export class ClientInput {
  private readonly sizeGate: SizeGate;
  /** CONNECT has to fit into one frame. */
  private readonly splitter = new PacketSplitter(MAX_FRAME_BYTES);
  private version: number | undefined;

  constructor(
    private readonly maxPacketBytes: number,
    private readonly events: InputEvents,
  ) {
    this.sizeGate = new SizeGate(maxPacketBytes);
  }

  /** True if a packet has begun and is incomplete. */
  get isInsidePacket(): boolean {
    return this.splitter.isInsidePacket;
  }

  /**
   * Takes the next bytes. An invalid fixed header ends the connection before the rest of its packet has arrived: the broker, which
   * gets only whole packets, could not refuse it.
   *
   * @throws InputError
   */
  read(bytes: Buffer): void {
    try {
      const { upstream, refusals } = this.sizeGate.fromClient(bytes);
      for (const part of upstream) {
        for (const packet of this.splitter.split(asBuffer(part))) this.events.onPacket(packet);
      }
      for (const refusal of refusals) this.events.onRefusal(refusal);
      this.checkBeginning();
    } catch (error) {
      throw inputErrorOf(error);
    }
  }

  /** CONNECT has been read: other packets may be larger. `version` is undefined for a CONNECT that the broker refuses. */
  connectRead(version: number | undefined): void {
    this.version = version;
    this.splitter.maxBytes = this.maxPacketBytes;
  }

  /** Reads the broker's limit from CONNACK. */
  readConnack(packet: Buffer): void {
    this.sizeGate.fromServer(packet);
  }

  /** The rules depend on the version, which only CONNECT contains. */
  private checkBeginning(): void {
    const { beginning } = this.splitter.isInsidePacket ? this.splitter : this.sizeGate;
    const header = readFixedHeader(beginning);
    if (header && this.version !== undefined) checkFixedHeader(header, this.version);
  }
}

function inputErrorOf(error: unknown): unknown {
  if (error instanceof PacketTooLargeError) return new InputError(error.message, Reason.packetTooLarge);
  if (error instanceof WireError) return new InputError(error.message, Reason.malformedPacket);
  return error instanceof ProtocolError ? new InputError(error.message, error.reason) : error;
}
