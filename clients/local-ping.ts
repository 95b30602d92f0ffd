import { packetType } from '../lambdas/protocol/codec/packet-types';
import type { FixedHeader } from '../lambdas/protocol/codec/read-fixed-header';
import {
  connackProperty,
  connackPropertyAt,
  joined,
  keepAliveAt,
  uint16,
  wholeHeaderAt,
  withUint16,
} from './packet-fields';

/**
 * Seconds between two packets to the broker. API Gateway ends a connection after 600 idle seconds, and timers may fire late.
 */
export const UPSTREAM_KEEP_ALIVE = 540;

/** The result of filtering bytes of the client. */
export interface LocalPingOutcome {
  /** Bytes for the gateway, in order: views of the input, or copies where the keep-alive was changed. */
  upstream: Uint8Array[];
  /** Number of PINGRESP packets to send to the client now. */
  pings: number;
}

/** Packets that the broker answers, besides PUBLISH at QoS 1 and 2. */
const ANSWERED: readonly number[] = [
  packetType.connect,
  packetType.pubrec,
  packetType.pubrel,
  packetType.subscribe,
  packetType.unsubscribe,
  packetType.pingreq,
  packetType.auth,
];

/** Brokers close a connection after 1.5 times its keep-alive, so a client's timer may be late by this factor [MQTT-3.1.2-22]. */
const TOLERANCE = 1.5;

/**
 * Answers the PINGREQs of one connection on the client's side of the gateway and forwards only the necessary ones, because
 * each costs a frame in both directions, a queue message and an invocation. Pure: it has no clock and no timer, and creates no
 * packet for the broker. A silent client is therefore silent upstream too, and only the broker answers a forwarded PINGREQ.
 *
 * - It raises the keep-alive in CONNECT, unless the client's own is 0 or so long that raising it saves nothing.
 * - It forwards a PINGREQ if the next one could come too late for the broker's or the client's time limit, and while an
 *   earlier packet waits for its answer. The client detects a dead connection by its own time limit for PINGRESP.
 * - Server Keep Alive in CONNACK (MQTT 5.0) applies upstream. The client reads the value that it requested, if that is less.
 *
 * The price: the broker detects a dead client after 1.5 times the raised keep-alive.
 * Times are milliseconds of a monotonic clock.
 */
export class LocalPing {
  private held: Uint8Array = new Uint8Array(0);
  private missingBytes = 0;
  private clientSeconds?: number;
  private isRaised = false;
  private hasConnack = false;
  private awaitsAnswer = false;
  private sentAt = 0;
  private receivedAt = 0;

  /** @param upstreamSeconds keep-alive towards the broker, 10 to 540 */
  constructor(private upstreamSeconds: number = UPSTREAM_KEEP_ALIVE) {}

  /** The keep-alive of the client in seconds; 0 turns it off. Undefined before CONNECT. */
  get keepAlive(): number | undefined {
    return this.clientSeconds;
  }

  /** Takes bytes in any chunking. It keeps an incomplete fixed header, and the first bytes of CONNECT until the keep-alive. */
  fromClient(chunk: Uint8Array, now: number): LocalPingOutcome {
    let bytes = this.held.length === 0 ? chunk : joined(this.held, chunk);
    this.held = new Uint8Array(0);
    if (this.clientSeconds === undefined) {
      const ready = this.readConnect(bytes);
      if (!ready) return this.hold(bytes, { upstream: [], pings: 0 });
      bytes = ready;
    }
    return this.filter(bytes, now);
  }

  /** Takes one or more whole packets of the broker, and returns the bytes for the client. */
  fromServer(packets: Uint8Array, now: number): Uint8Array {
    this.receivedAt = now;
    this.awaitsAnswer = false;
    if (this.hasConnack || packets[0]! >> 4 !== packetType.connack) return packets;
    this.hasConnack = true;
    return this.readConnack(packets);
  }

  private filter(bytes: Uint8Array, now: number): LocalPingOutcome {
    const outcome: LocalPingOutcome = { upstream: [], pings: 0 };
    let from = 0;
    const forwardTo = (end: number) => {
      if (end > from) outcome.upstream.push(bytes.subarray(from, end));
    };
    for (let at = 0; at < bytes.length; ) {
      if (this.missingBytes > 0) {
        at += this.skipBody(bytes.length - at);
        continue;
      }
      const header = wholeHeaderAt(bytes, at);
      if (!header) {
        forwardTo(at);
        return this.hold(bytes.subarray(at), outcome);
      }
      if (isPingreq(header) && this.mayAnswer(now)) {
        forwardTo(at);
        from = at + header.size;
        outcome.pings += 1;
      } else {
        this.start(header, now);
      }
      at += header.size;
    }
    forwardTo(bytes.length);
    return outcome;
  }

  private skipBody(available: number): number {
    const skipped = Math.min(this.missingBytes, available);
    this.missingBytes -= skipped;
    return skipped;
  }

  private hold(rest: Uint8Array, outcome: LocalPingOutcome): LocalPingOutcome {
    this.held = rest.slice();
    return outcome;
  }

  private start({ header, remaining }: FixedHeader, now: number): void {
    this.missingBytes = remaining;
    this.sentAt = now;
    const type = header >> 4;
    const isQosPublish = type === packetType.publish && (header & 0x06) !== 0;
    this.awaitsAnswer ||= isQosPublish || ANSWERED.includes(type);
  }

  private mayAnswer(now: number): boolean {
    if (!this.isRaised || this.awaitsAnswer) return false;
    const idleMs = now - Math.min(this.sentAt, this.receivedAt);
    return idleMs + this.clientSeconds! * TOLERANCE * 1_000 <= this.upstreamSeconds * 1_000;
  }

  /** The bytes with the keep-alive of CONNECT raised; undefined while it is incomplete. */
  private readConnect(bytes: Uint8Array): Uint8Array | undefined {
    const header = wholeHeaderAt(bytes, 0);
    if (!header) return undefined;
    if (header.header >> 4 !== packetType.connect) return this.leaveUnchanged(bytes);
    const nameAt = header.size;
    if (bytes.length < nameAt + 2) return undefined;
    const at = keepAliveAt(bytes, nameAt);
    if (at + 2 > nameAt + header.remaining) return this.leaveUnchanged(bytes);
    if (bytes.length < at + 2) return undefined;
    return this.raise(bytes, at);
  }

  /** The first packet is no CONNECT, or a malformed one: the broker refuses it. */
  private leaveUnchanged(bytes: Uint8Array): Uint8Array {
    this.clientSeconds = 0;
    return bytes;
  }

  private raise(bytes: Uint8Array, at: number): Uint8Array {
    this.clientSeconds = uint16(bytes, at);
    // Raising helps if at least one PINGREQ is answered here before one that may be late.
    this.isRaised = this.clientSeconds > 0 && this.clientSeconds * (1 + TOLERANCE) <= this.upstreamSeconds;
    return this.isRaised ? withUint16(bytes, at, this.upstreamSeconds) : bytes;
  }

  private readConnack(packets: Uint8Array): Uint8Array {
    const at = connackPropertyAt(packets, connackProperty.serverKeepAlive);
    if (at === undefined) return packets;
    const server = uint16(packets, at);
    const client = this.isRaised ? Math.min(this.clientSeconds!, server) : server;
    this.upstreamSeconds = Math.min(this.upstreamSeconds, server);
    this.clientSeconds = client;
    return client === server ? packets : withUint16(packets, at, client);
  }
}

function isPingreq({ header, remaining }: FixedHeader): boolean {
  return header >> 4 === packetType.pingreq && remaining === 0;
}
