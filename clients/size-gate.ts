import { connackPropertyAt, type Header, headerAt, joined, uint16 } from './packet-header';
import { MAX_PACKET_BYTES, PacketTooLargeError } from './wire';

/** A packet that was withheld from the gateway. */
export interface Refusal {
  readonly error: PacketTooLargeError;
  /** 0 for a PUBLISH at QoS 0. */
  readonly packetId: number;
  /** The packet that tells the client in place of the broker; absent where the protocol has none. */
  readonly answer?: Uint8Array;
}

/** Bytes of the client to pass on, and packets to refuse. */
export interface SizeGateOutcome {
  /** For the gateway, in order; views of what was given, unless a header came in pieces. */
  readonly upstream: Uint8Array[];
  readonly refusals: Refusal[];
}

const CONNECT = 1;
const CONNACK = 2;
const PUBLISH = 3;
const SUBSCRIBE = 8;

/** The reason code of MQTT 5.0: PUBACK, PUBREC and SUBACK know no "Packet too large". */
const QUOTA_EXCEEDED = 0x97;
/** The return code of a subscription that failed, section 3.9.3 of 3.1.1. */
const FAILURE = 0x80;

/** The property of CONNACK, section 3.2.2.3.6. */
const MAXIMUM_PACKET_SIZE = 0x27;

/** Bytes of CONNECT behind its header up to the protocol level, at most: `MQIsdp` and its length. */
const UP_TO_LEVEL = 9;

/** Filters of a SUBSCRIBE that is answered. */
const MOST_FILTERS = 100_000;

/**
 * Takes PUBLISH and SUBSCRIBE packets that are too large for the broker out of the stream of one client. The broker would
 * close the connection, and libraries send such a packet again with each reconnect, for ever. Instead the client is answered
 * with an error on this side, where its protocol has one: PUBACK and PUBREC of MQTT 5.0, and SUBACK. The limit is that of
 * the broker's CONNACK in MQTT 5.0, if it is lower than `MAX_PACKET_BYTES`. Pure, and no packet is kept in memory.
 */
export class SizeGate {
  private held: Uint8Array = new Uint8Array(0);
  private missingBytes = 0;
  private withheld?: WithheldPacket;
  private version = 4;
  private connacked = false;

  /** @param largest bytes of a packet, fixed header included */
  constructor(private largest: number = MAX_PACKET_BYTES) {}

  /** The first bytes of a packet whose fixed header is not whole yet. */
  get beginning(): Uint8Array {
    return this.held;
  }

  /** Takes bytes in any chunking. */
  fromClient(chunk: Uint8Array): SizeGateOutcome {
    const bytes = this.held.length === 0 ? chunk : joined(this.held, chunk);
    this.held = new Uint8Array(0);
    const outcome: SizeGateOutcome = { upstream: [], refusals: [] };
    let from = 0;
    const pass = (end: number) => {
      if (end > from) outcome.upstream.push(bytes.subarray(from, end));
    };
    for (let at = 0; at < bytes.length; ) {
      if (this.missingBytes === 0) {
        const header = this.headerIn(bytes, at);
        if (!header) {
          pass(at);
          this.held = bytes.slice(at);
          return outcome;
        }
        this.start(header);
        if (this.withheld) pass(at);
        at += header.bytes;
      }
      const end = Math.min(at + this.missingBytes, bytes.length);
      this.missingBytes -= end - at;
      if (this.withheld) {
        from = end;
        this.withheld.take(bytes.subarray(at, end));
        if (this.missingBytes === 0) outcome.refusals.push(this.refusalOf(this.withheld));
      }
      at = end;
    }
    pass(bytes.length);
    return outcome;
  }

  /** Takes one or more whole packets, and learns the limit of the broker from CONNACK. */
  fromServer(packets: Uint8Array): void {
    if (this.connacked || packets[0]! >> 4 !== CONNACK) return;
    this.connacked = true;
    const at = this.version === 5 ? connackPropertyAt(packets, MAXIMUM_PACKET_SIZE) : undefined;
    if (at === undefined) return;
    this.largest = Math.min(this.largest, uint16(packets, at) * 0x1_0000 + uint16(packets, at + 2));
  }

  /** Nothing while more bytes are needed. */
  private headerIn(bytes: Uint8Array, at: number): Header | undefined {
    const header = headerAt(bytes, at);
    if (header === 'incomplete') return undefined;
    if (header.type !== CONNECT || header.remaining < UP_TO_LEVEL) return header;
    const nameAt = at + header.bytes;
    if (bytes.length < nameAt + UP_TO_LEVEL) return undefined;
    this.version = bytes[nameAt + 2 + uint16(bytes, nameAt)]!;
    return header;
  }

  private start({ type, qos, bytes, remaining }: Header): void {
    this.missingBytes = remaining;
    const size = bytes + remaining;
    // A remaining length that does not end is left to whoever reads the packet.
    if (size <= this.largest || !Number.isFinite(size)) return;
    const error = new PacketTooLargeError(size, this.largest);
    if (type === PUBLISH) this.withheld = new WithheldPublish(error, qos, this.version);
    else if (type === SUBSCRIBE) this.withheld = new WithheldSubscribe(error, this.version);
  }

  private refusalOf(packet: WithheldPacket): Refusal {
    this.withheld = undefined;
    return packet.refusal();
  }
}

interface WithheldPacket {
  /** Takes the next bytes of the body. */
  take(bytes: Uint8Array): void;
  /** Valid once the whole body was taken. */
  refusal(): Refusal;
}

/** Reads its packet id, section 3.3.2. */
class WithheldPublish implements WithheldPacket {
  private topic = 0;
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
      if (position < 2) this.topic = (this.topic << 8) | byte;
      else if (this.qos > 0 && position >= this.topic + 2 && position < this.topic + 4)
        this.packetId = (this.packetId << 8) | byte;
    }
  }

  refusal(): Refusal {
    const { error, packetId, qos, version } = this;
    if (version !== 5 || packetId === 0) return { error, packetId };
    const type = qos === 1 ? 0x40 : 0x50; // PUBACK, PUBREC
    return { error, packetId, answer: Uint8Array.of(type, 4, packetId >> 8, packetId & 0xff, QUOTA_EXCEEDED, 0) };
  }
}

/** Reads its packet id and counts its filters, section 3.8. */
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
    if (packetId === 0 || filters === 0 || filters > MOST_FILTERS) return { error, packetId };
    const fixed = [packetId >> 8, packetId & 0xff, ...(version === 5 ? [0] : [])];
    const header = Uint8Array.of(0x90, ...variableInteger(fixed.length + filters), ...fixed);
    const codes = new Uint8Array(filters).fill(version === 5 ? QUOTA_EXCEEDED : FAILURE);
    return { error, packetId, answer: joined(header, codes) };
  }

  /** Takes one byte at each step. */
  private *read(): Generator<undefined, never, number> {
    this.packetId = yield* nextUint16();
    if (this.version === 5) yield* skip(yield* nextVariableInteger());
    for (;;) {
      yield* skip(yield* nextUint16());
      yield; // the options of the subscription
      this.filters += 1;
    }
  }
}

function* nextUint16(): Generator<undefined, number, number> {
  const high = yield;
  return (high << 8) | (yield);
}

function* nextVariableInteger(): Generator<undefined, number, number> {
  let value = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = yield;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return value;
}

function* skip(bytes: number): Generator<undefined, void, number> {
  for (let skipped = 0; skipped < bytes; skipped++) yield;
}

function variableInteger(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; bytes.length === 0 || rest > 0; rest >>= 7)
    bytes.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest);
  return bytes;
}
