import { packetType } from '../lambdas/protocol/codec/packet-types';
import type { FixedHeader } from '../lambdas/protocol/codec/read-fixed-header';
import { emptyVarint, varintBytes, withByte } from '../lambdas/protocol/codec/varint';
import { connackProperty, connackPropertyAt, joined, uint16, wholeHeaderAt } from './packet-fields';
import { MAX_PACKET_BYTES, PacketTooLargeError } from './wire';

/** A packet that was withheld from the gateway because it is over the limit of the broker. */
export interface Refusal {
  readonly error: PacketTooLargeError;
  /** 0 for a PUBLISH at QoS 0. */
  readonly packetId: number;
  /** The negative acknowledgement for the client, in place of the broker's; absent where MQTT has none. */
  readonly answer?: Uint8Array;
}

/** Bytes of the client to forward, and packets to refuse. */
export interface SizeGateOutcome {
  /** Bytes for the gateway, in order: views of the input, unless a fixed header arrived in pieces. */
  readonly upstream: Uint8Array[];
  readonly refusals: Refusal[];
}

/** Reason code of MQTT 5.0. PUBACK, PUBREC and SUBACK have no "Packet too large". */
const QUOTA_EXCEEDED = 0x97;
/** SUBACK return code "Failure", section 3.9.3 of 3.1.1. */
const FAILURE = 0x80;

/** Bytes of CONNECT from the end of its fixed header to its protocol level, at most: the length, `MQIsdp` and the level. */
const MAX_LEVEL_BYTES = 9;

/** Topic filters of a SUBSCRIBE that gets a SUBACK. */
const MAX_FILTERS = 100_000;

/**
 * Removes PUBLISH and SUBSCRIBE packets that are too large for the broker from the stream of one client. The broker would close
 * the connection, and libraries send such a packet again after every reconnect. Instead the client gets a negative
 * acknowledgement from this side, where its protocol has one: PUBACK and PUBREC of MQTT 5.0, and SUBACK. The limit is
 * `MAX_PACKET_BYTES`, or the Maximum Packet Size of the broker's CONNACK if that is lower. Pure, and it stores no packet.
 */
export class SizeGate {
  private held: Uint8Array = new Uint8Array(0);
  private missingBytes = 0;
  private withheld?: WithheldPacket;
  private version = 4;
  private hasConnack = false;

  /** @param maxBytes bytes of the largest packet, fixed header included */
  constructor(private maxBytes: number = MAX_PACKET_BYTES) {}

  /** The bytes of an incomplete fixed header that are kept here. */
  get beginning(): Uint8Array {
    return this.held;
  }

  /** Takes bytes in any chunking. */
  fromClient(chunk: Uint8Array): SizeGateOutcome {
    const bytes = this.held.length === 0 ? chunk : joined(this.held, chunk);
    this.held = new Uint8Array(0);
    const outcome: SizeGateOutcome = { upstream: [], refusals: [] };
    let from = 0;
    const forwardTo = (end: number) => {
      if (end > from) outcome.upstream.push(bytes.subarray(from, end));
    };
    for (let at = 0; at < bytes.length; ) {
      if (this.missingBytes === 0) {
        const header = this.readHeader(bytes, at);
        if (!header) {
          forwardTo(at);
          this.held = bytes.slice(at);
          return outcome;
        }
        this.start(header);
        if (this.withheld) forwardTo(at);
        at += header.size;
      }
      const end = Math.min(at + this.missingBytes, bytes.length);
      this.missingBytes -= end - at;
      if (this.withheld) {
        from = end;
        outcome.refusals.push(...this.withhold(this.withheld, bytes.subarray(at, end)));
      }
      at = end;
    }
    forwardTo(bytes.length);
    return outcome;
  }

  /** Takes one or more whole packets of the broker, and reads its limit from CONNACK. */
  fromServer(packets: Uint8Array): void {
    if (this.hasConnack || packets[0]! >> 4 !== packetType.connack) return;
    this.hasConnack = true;
    const at = this.version === 5 ? connackPropertyAt(packets, connackProperty.maximumPacketSize) : undefined;
    if (at === undefined) return;
    this.maxBytes = Math.min(this.maxBytes, uint16(packets, at) * 0x1_0000 + uint16(packets, at + 2));
  }

  /** Undefined while bytes are missing: of the fixed header, or of CONNECT up to its protocol level. */
  private readHeader(bytes: Uint8Array, at: number): FixedHeader | undefined {
    const header = wholeHeaderAt(bytes, at);
    if (!header) return undefined;
    if (header.header >> 4 !== packetType.connect || header.remaining < MAX_LEVEL_BYTES) return header;
    const nameAt = at + header.size;
    if (bytes.length < nameAt + MAX_LEVEL_BYTES) return undefined;
    this.version = bytes[nameAt + 2 + uint16(bytes, nameAt)]!;
    return header;
  }

  private start({ header, size, remaining }: FixedHeader): void {
    this.missingBytes = remaining;
    const bytes = size + remaining;
    if (bytes <= this.maxBytes || bytes === Number.POSITIVE_INFINITY) return;
    const error = new PacketTooLargeError(bytes, this.maxBytes);
    const type = header >> 4;
    if (type === packetType.publish) this.withheld = new WithheldPublish(error, (header >> 1) & 3, this.version);
    else if (type === packetType.subscribe) this.withheld = new WithheldSubscribe(error, this.version);
  }

  /** Reads a part of a withheld packet; after its last byte returns the refusal. */
  private withhold(packet: WithheldPacket, part: Uint8Array): Refusal[] {
    packet.take(part);
    if (this.missingBytes > 0) return [];
    this.withheld = undefined;
    return [packet.refusal()];
  }
}

interface WithheldPacket {
  /** Takes the next bytes of the body. */
  take(bytes: Uint8Array): void;
  /** Valid after the last byte of the body. */
  refusal(): Refusal;
}

/** Reads the packet id of a PUBLISH, section 3.3.2. */
class WithheldPublish implements WithheldPacket {
  private topicBytes = 0;
  private packetId = 0;
  private taken = 0;

  constructor(
    private readonly error: PacketTooLargeError,
    private readonly qos: number,
    private readonly version: number,
  ) {}

  take(bytes: Uint8Array): void {
    for (const byte of bytes) {
      const position = this.taken++;
      if (position < 2) this.topicBytes = (this.topicBytes << 8) | byte;
      else if (this.qos > 0 && position >= this.topicBytes + 2 && position < this.topicBytes + 4)
        this.packetId = (this.packetId << 8) | byte;
    }
  }

  refusal(): Refusal {
    const { error, packetId, qos, version } = this;
    if (version !== 5 || packetId === 0) return { error, packetId };
    const type = qos === 1 ? packetType.puback : packetType.pubrec;
    return { error, packetId, answer: Uint8Array.of(type << 4, 4, packetId >> 8, packetId & 0xff, QUOTA_EXCEEDED, 0) };
  }
}

/** Reads the packet id of a SUBSCRIBE and counts its topic filters, section 3.8. */
class WithheldSubscribe implements WithheldPacket {
  private packetId = 0;
  private filters = 0;
  private readonly reader = this.read();

  constructor(
    private readonly error: PacketTooLargeError,
    private readonly version: number,
  ) {
    this.reader.next();
  }

  take(bytes: Uint8Array): void {
    for (const byte of bytes) this.reader.next(byte);
  }

  refusal(): Refusal {
    const { error, packetId, filters, version } = this;
    if (packetId === 0 || filters === 0 || filters > MAX_FILTERS) return { error, packetId };
    const fixed = [packetId >> 8, packetId & 0xff, ...(version === 5 ? [0] : [])];
    const length = varintBytes(fixed.length + filters);
    const header = Uint8Array.of(packetType.suback << 4, ...length, ...fixed);
    const codes = new Uint8Array(filters).fill(version === 5 ? QUOTA_EXCEEDED : FAILURE);
    return { error, packetId, answer: joined(header, codes) };
  }

  /** Consumes one byte in each step. */
  private *read(): Generator<undefined, never, number> {
    this.packetId = yield* nextUint16();
    if (this.version === 5) yield* skip(yield* nextVarint());
    for (;;) {
      yield* skip(yield* nextUint16());
      yield; // Subscription Options
      this.filters += 1;
    }
  }
}

function* nextUint16(): Generator<undefined, number, number> {
  const high = yield;
  return (high << 8) | (yield);
}

function* nextVarint(): Generator<undefined, number, number> {
  let varint = emptyVarint;
  while (varint.state === 'incomplete') varint = withByte(varint, yield);
  return varint.value;
}

function* skip(bytes: number): Generator<undefined, void, number> {
  for (let skipped = 0; skipped < bytes; skipped++) yield;
}
