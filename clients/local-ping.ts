import { connackPropertyAt, type Header, headerAt, joined, uint16, withUint16 } from './packet-header';

/** Seconds between two packets to the broker: API Gateway ends a connection after 600 quiet ones, and timers may be late. */
export const UPSTREAM_KEEP_ALIVE = 540;

/** The bytes of PINGRESP, section 3.13. */
export const PINGRESP: Uint8Array = Uint8Array.of(0xd0, 0);

/** What becomes of bytes of the client. */
export interface LocalPingOutcome {
  /** For the gateway, in order; views of what was given, unless that had to be changed. */
  upstream: Uint8Array[];
  /** How many `PINGRESP` the client is owed at once. */
  pings: number;
}

const CONNECT = 1;
const CONNACK = 2;
const PUBLISH = 3;
const PINGREQ = 12;
/** The property of CONNACK, section 3.2.2.3.14. */
const SERVER_KEEP_ALIVE = 0x13;
/** PUBREC, PUBREL, SUBSCRIBE, UNSUBSCRIBE and AUTH; PUBLISH asks for an answer if its QoS is not 0. */
const ANSWERED = [CONNECT, 5, 6, 8, 10, PINGREQ, 15];

/** A timer of the client may be late by this factor, which is what brokers allow [MQTT-3.1.2-22]. */
const LATE = 1.5;

/**
 * Answers the PINGREQs of one connection on the client's side of the gateway, and lets through only those that are needed
 * there: each costs a frame either way, a queue message and an invocation. Pure: it has no clock and no timer, and makes up
 * no packet for the broker. So a client that falls silent is silent upstream too, and whoever is let through is answered by
 * the broker, never here.
 *
 * - The keep-alive in CONNECT is raised on its way up, unless the client's own is 0 or so long that nothing would be saved.
 * - A PINGREQ goes through when the next one might come later than the broker has to hear from the client or the client
 *   from the broker, and when an earlier packet still waits for its answer. Whether the connection is dead behind this
 *   place, the client then finds out by its own time limit for PINGRESP.
 * - A Server Keep Alive in CONNACK (MQTT 5.0) counts upstream. The client reads the value it asked for, if that is less.
 *
 * What is lost: the broker notices a dead client after 1.5 times the raised keep-alive.
 * Times are milliseconds of a clock that does not go back.
 */
export class LocalPing {
  private held: Uint8Array = new Uint8Array(0);
  private missingBytes = 0;
  private clientSeconds?: number;
  private raised = false;
  private connacked = false;
  private owed = false;
  private sentAt = 0;
  private heardAt = 0;

  /** @param upstreamSeconds the keep-alive to the broker, 10 to 540 */
  constructor(private upstreamSeconds: number = UPSTREAM_KEEP_ALIVE) {}

  /** The keep-alive that the client lives by, in seconds; 0 is none, and `undefined` is a client without CONNECT yet. */
  get keepAlive(): number | undefined {
    return this.clientSeconds;
  }

  /** Takes bytes in any chunking. A header, and the beginning of CONNECT, is kept until all of it is there. */
  fromClient(chunk: Uint8Array, now: number): LocalPingOutcome {
    let bytes = this.held.length === 0 ? chunk : joined(this.held, chunk);
    this.held = new Uint8Array(0);
    if (this.clientSeconds === undefined) {
      const ready = this.connectIn(bytes);
      if (!ready) return this.hold(bytes, { upstream: [], pings: 0 });
      bytes = ready;
    }
    return this.sift(bytes, now);
  }

  /** Takes one or more whole packets, and gives what the client shall read of them. */
  fromServer(packets: Uint8Array, now: number): Uint8Array {
    this.heardAt = now;
    this.owed = false;
    if (this.connacked || packets[0]! >> 4 !== CONNACK) return packets;
    this.connacked = true;
    return this.readConnack(packets);
  }

  private sift(bytes: Uint8Array, now: number): LocalPingOutcome {
    const outcome: LocalPingOutcome = { upstream: [], pings: 0 };
    let from = 0;
    const pass = (end: number) => {
      if (end > from) outcome.upstream.push(bytes.subarray(from, end));
    };
    for (let at = 0; at < bytes.length; ) {
      const header = this.missingBytes > 0 ? undefined : headerAt(bytes, at);
      if (header === 'incomplete') {
        pass(at);
        return this.hold(bytes.subarray(at), outcome);
      }
      if (header?.type === PINGREQ && header.remaining === 0 && this.mayAnswer(now)) {
        pass(at);
        at = from = at + header.bytes;
        outcome.pings += 1;
      } else {
        if (header) this.start(header, now);
        const taken = Math.min((header?.bytes ?? 0) + this.missingBytes, bytes.length - at);
        this.missingBytes -= taken - (header?.bytes ?? 0);
        at += taken;
      }
    }
    pass(bytes.length);
    return outcome;
  }

  private hold(rest: Uint8Array, outcome: LocalPingOutcome): LocalPingOutcome {
    this.held = rest.slice();
    return outcome;
  }

  private start({ type, qos, remaining }: Header, now: number): void {
    this.missingBytes = remaining;
    this.sentAt = now;
    this.owed ||= ANSWERED.includes(type) || (type === PUBLISH && qos > 0);
  }

  private mayAnswer(now: number): boolean {
    if (!this.raised || this.owed) return false;
    const quietMs = now - Math.min(this.sentAt, this.heardAt);
    return quietMs + this.clientSeconds! * LATE * 1_000 <= this.upstreamSeconds * 1_000;
  }

  /** The bytes with the keep-alive of CONNECT raised, or nothing while it is not all there. */
  private connectIn(bytes: Uint8Array): Uint8Array | undefined {
    const header = headerAt(bytes, 0);
    if (header === 'incomplete') return undefined;
    if (header.type !== CONNECT) return this.leaveAlone(bytes);
    const nameAt = header.bytes;
    if (bytes.length < nameAt + 2) return undefined;
    const at = nameAt + 2 + uint16(bytes, nameAt) + 2; // behind the protocol's name, its level and the flags
    if (at + 2 > nameAt + header.remaining) return this.leaveAlone(bytes);
    if (bytes.length < at + 2) return undefined;
    return this.raise(bytes, at);
  }

  /** No CONNECT, or none that could be read: the broker says what is wrong with it. */
  private leaveAlone(bytes: Uint8Array): Uint8Array {
    this.clientSeconds = 0;
    return bytes;
  }

  private raise(bytes: Uint8Array, at: number): Uint8Array {
    this.clientSeconds = uint16(bytes, at);
    // One that is answered, and then another one that may be late.
    this.raised = this.clientSeconds > 0 && this.clientSeconds * (1 + LATE) <= this.upstreamSeconds;
    return this.raised ? withUint16(bytes, at, this.upstreamSeconds) : bytes;
  }

  private readConnack(packets: Uint8Array): Uint8Array {
    const at = connackPropertyAt(packets, SERVER_KEEP_ALIVE);
    if (at === undefined) return packets;
    const server = uint16(packets, at);
    const client = this.raised ? Math.min(this.clientSeconds!, server) : server;
    this.upstreamSeconds = Math.min(this.upstreamSeconds, server);
    this.clientSeconds = client;
    return client === server ? packets : withUint16(packets, at, client);
  }
}
