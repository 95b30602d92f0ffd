import type { Duplex } from 'node:stream';
import { UPSTREAM_KEEP_ALIVE } from '../local-ping';
import type { NodeWebSocket } from '../node-websocket';
import { type Refusal, SizeGate } from '../size-gate';
import { MAX_DELIVERED_BYTES, MAX_FRAME_BYTES, PacketTooLargeError, WireError } from '../wire';
import type { Clock, Timer } from './clock';
import { type ConnectPacket, readConnect, withKeepAlive } from './connect-packet';
import type { DialError, Dials } from './dials';
import { headerProblem } from './fixed-header';
import type { Handovers } from './handovers';
import { InFlight } from './in-flight';
import { Liveness } from './liveness';
import type { Log } from './log';
import type { AdapterMetrics, EndReason } from './metrics';
import { PacketSplitter } from './packet-splitter';
import {
  dismissal,
  letsIn,
  PacketType,
  pingreq,
  pingresp,
  Reason,
  type ReasonCode,
  refusal,
  serverKeepAliveOf,
  typeOf,
} from './packets';
import type { Place } from './connection-limit';
import { type Refusals, refusalKey } from './disconnect-backoff';
import { Uplink } from './uplink';

const notConnect = 'the first packet is no CONNECT';

/** A client that does not take its last bytes within this time is cut off. */
const lingerMs = 5_000;

/** Above this many bytes that wait for the handshake with the gateway, a client is not read. */
const earlyHighWater = 16_384;

/** Answers to packets that were too large that may wait for CONNACK. */
const mostOwed = 16;

/** A side that is not read because the other takes nothing for this long ends with it. */
const stallMs = 300_000;

/** How often a connection that is to end looks for a moment without open exchanges, and for how long. */
const quietMs = 250;
const patienceMs = 60_000;

/** What all relays of an adapter share. */
export interface RelayShared {
  dials: Dials;
  handovers: Handovers;
  refusals: Refusals;
  clock: Clock;
  metrics: AdapterMetrics;
  maxPacketBytes: number;
  /** How long a client may take for its CONNECT. */
  firstPacketMs: number;
  /** When a connection is ended before the gateway does; 0: never. */
  maxAgeMs: number;
  localPing: boolean;
  batchMs: number;
}

interface RelayProps {
  log: Log;
  place: Place;
  /** Both of its sockets are closed. */
  onGone(): void;
}

/** One client connection and its own connection to the gateway; when one side ends, so does the other. */
export class Relay {
  private readonly sizeGate: SizeGate;
  private readonly fromClient = new PacketSplitter(MAX_FRAME_BYTES);
  private readonly fromGateway = new PacketSplitter(MAX_DELIVERED_BYTES);
  private readonly inFlight = new InFlight();
  private readonly helloTimer: Timer;
  private hasGreeted = false;
  /** What the client said of itself; undefined also for a CONNECT that only the broker can make something of. */
  private connect: ConnectPacket | undefined;
  /** What the client sent before the handshake with the gateway was done. */
  private held: Buffer[] = [];
  private heldBytes = 0;
  private giveUpDial = () => {};
  private uplink: Uplink | undefined;
  private liveness: Liveness | undefined;
  private ageTimer: Timer | undefined;
  /** Runs after the end, until the socket of the client is closed. */
  private lingerTimer: Timer | undefined;
  /** While one side takes nothing. */
  private clientStall: Timer | undefined;
  private gatewayStall: Timer | undefined;
  /** Runs while the connection is to end because of a packet that was too large. */
  private refusalTimer: Timer | undefined;
  /** Answers to packets that were too large, which may not come before CONNACK [MQTT-3.2.0-1]. */
  private owed: Buffer[] = [];
  /** Whether the broker let the client in. */
  private isConnected = false;
  private isHeldBack = false;
  private ended = false;
  private openSides = 1;

  constructor(
    private readonly client: Duplex,
    private readonly shared: RelayShared,
    private readonly props: RelayProps,
  ) {
    this.sizeGate = new SizeGate(shared.maxPacketBytes);
    this.helloTimer = shared.clock.after(shared.firstPacketMs, () => this.greetedTooLate());
    client.on('data', (bytes: Buffer) => this.readClient(bytes));
    client.on('drain', () => this.clientReadsOn());
    client.on('error', (error) => this.end('client_error', `client: ${error.message}`));
    client.on('end', () => this.clientLeft());
    const release = props.place.hold();
    client.on('close', () => {
      release();
      this.clientLeft();
      this.lingerTimer?.cancel();
      this.sideClosed();
    });
    props.place.onGiveWay = () => this.end('gave_way', 'another needed its place before the broker had accepted it');
  }

  /** Ends the connection because the adapter does; what was taken from either side still goes out. */
  shutDown(): void {
    this.dismiss('shutdown', 'the adapter closes', Reason.serverShuttingDown);
  }

  /** Ends both sides at once. */
  destroy(): void {
    this.end('shutdown', 'the adapter closes');
    this.client.destroy();
    this.uplink?.gateway.terminate();
  }

  private readClient(bytes: Buffer): void {
    if (this.ended) return;
    const { metrics } = this.shared;
    metrics.bytes.add('up', bytes.length);
    const { upstream, refusals } = this.sizeGate.fromClient(bytes);
    try {
      for (const part of upstream) this.readPackets(asBuffer(part));
      for (const refusal of refusals) this.refuse(refusal);
      const { beginning } = this.fromClient.isInside ? this.fromClient : this.sizeGate;
      const problem = headerProblem(beginning, this.connect?.version);
      if (problem) throw new WireError(problem);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      const reason = error instanceof PacketTooLargeError ? Reason.packetTooLarge : Reason.malformedPacket;
      this.dismiss('bad_packet', error.message, reason);
    }
  }

  private readPackets(bytes: Buffer): void {
    for (const packet of this.fromClient.split(bytes)) {
      if (this.ended) return;
      this.shared.metrics.packets.add('up');
      this.takeFromClient(packet);
    }
  }

  /** The connection stays where the packet can be answered, and at QoS 0, which asks for no answer. */
  private refuse({ error, packetId, answer }: Refusal): void {
    if (!this.hasGreeted) this.dismiss('no_connect', notConnect);
    if (this.ended) return;
    this.liveness?.heardClient();
    this.shared.metrics.withheld += 1;
    this.props.log({ level: 'warn', message: `withheld: ${error.message}`, details: { bytes: error.bytes } });
    if (answer) this.answer(asBuffer(answer));
    else if (packetId > 0) this.endLater(error);
  }

  private answer(packet: Buffer): void {
    if (this.isConnected) this.deliver([packet]);
    else if (this.owed.length < mostOwed) this.owed.push(packet);
    else
      this.dismiss('bad_packet', `more than ${mostOwed} packets over the limit before CONNACK`, Reason.packetTooLarge);
  }

  /** MQTT 3.1.1 has nothing else to say to a QoS 1 or 2 message that is not taken. */
  private endLater(error: PacketTooLargeError): void {
    const { clock, refusals } = this.shared;
    this.refusalTimer ??= clock.after(refusals.pauseAfter(refusalKey(this.connect)), () =>
      this.dismiss('bad_packet', error.message, Reason.packetTooLarge),
    );
  }

  private takeFromClient(packet: Buffer): void {
    this.liveness?.heardClient();
    const type = typeOf(packet);
    if (!this.hasGreeted && type === PacketType.connect) this.greet(packet);
    else if (!this.hasGreeted)
      this.dismiss('no_connect', notConnect); // [MQTT-3.1.0-1]
    else if (packet.equals(pingreq)) this.takePing(packet);
    else {
      this.inFlight.fromClient(packet);
      this.send(packet);
    }
  }

  private takePing(packet: Buffer): void {
    const isAnsweredHere = this.isConnected && this.liveness?.mayAnswer;
    this.shared.metrics.pings.add(isAnsweredHere ? 'adapter' : 'broker');
    if (isAnsweredHere) this.deliver([pingresp]);
    else this.send(packet);
  }

  /** Until a CONNECT is here nobody is dialled, and nothing is billed. */
  private greet(packet: Buffer): void {
    this.helloTimer.cancel();
    this.hasGreeted = true;
    this.props.place.advance('greeted');
    this.fromClient.largest = this.shared.maxPacketBytes;
    this.connect = readConnect(packet);
    this.logConnect();
    this.send(this.connect && this.shared.localPing ? withKeepAlive(this.connect, UPSTREAM_KEEP_ALIVE) : packet);
    this.dial();
  }

  private logConnect(): void {
    if (!this.connect) return;
    const { clientId, version, keepAlive } = this.connect;
    const details = { clientId, version, keepAlive };
    this.props.log({ level: 'info', message: `connects as ${JSON.stringify(clientId)}`, details });
  }

  private greetedTooLate(): void {
    this.dismiss('no_connect', `no CONNECT within ${this.shared.firstPacketMs / 1_000} s`);
  }

  private async dial(): Promise<void> {
    if (this.connect) await this.shared.handovers.finish(this.connect);
    if (this.ended) return;
    let isFirst = true;
    this.giveUpDial = this.shared.dials.dial(this.props.place.address, {
      onOpen: (gateway) => this.join(gateway),
      onRetry: (error, pauseMs) => {
        if (isFirst) this.logRetry(error, pauseMs);
        isFirst = false;
      },
      onFail: (error) => this.dismiss('not_connected', error.message, reasonOf(error)),
    });
  }

  private logRetry({ message, reason }: DialError, pauseMs: number): void {
    const details = { reason, pauseMs };
    this.props.log({ level: 'warn', message: `waits for the gateway: ${message}`, details });
  }

  private join(gateway: NodeWebSocket): void {
    const { batchMs, clock, metrics, localPing } = this.shared;
    this.openSides += 1;
    this.uplink = new Uplink({ gateway, batchMs, clock, metrics });
    gateway.on('message', (bytes: Buffer) => this.readGateway(bytes));
    gateway.on('drain', () => this.readOn());
    gateway.on('error', (error) => this.end('gateway_error', error.message));
    gateway.on('close', (code) => {
      this.gatewayLeft(code);
      this.sideClosed();
    });
    if (localPing && this.connect) this.liveness = this.watch(this.connect);
    this.planEnd();
    this.heldBytes = 0;
    for (const packet of this.held.splice(0)) this.send(packet);
    this.uplink.flush(); // CONNECT waits for nobody
    if (this.isHeldBack && !this.uplink.isFull) this.readOn();
    else if (this.isHeldBack) this.watchGatewayStall();
  }

  private watch(connect: ConnectPacket): Liveness {
    return new Liveness({
      clock: this.shared.clock,
      keepAlive: connect.keepAlive,
      isHeldBack: () => this.isHeldBack,
      sendPing: () => this.send(pingreq),
      onSilentClient: (seconds) =>
        this.dismiss('silent', `the client was silent for ${seconds} s`, Reason.keepAliveTimeout),
      onSilentBroker: (seconds) => {
        this.dismiss('silent', `the broker answered no ping within ${seconds} s`, Reason.serverUnavailable);
        this.uplink?.gateway.terminate();
      },
    });
  }

  private send(packet: Buffer): void {
    if (this.uplink) {
      this.liveness?.sent();
      if (!this.uplink.write(packet)) this.holdBack();
      return;
    }
    this.held.push(packet);
    this.heldBytes += packet.length;
    if (this.heldBytes > earlyHighWater) this.holdBack();
  }

  private holdBack(): void {
    if (this.isHeldBack) return;
    this.isHeldBack = true;
    this.shared.metrics.stalls.add('device_waits');
    this.client.pause();
    if (this.uplink) this.watchGatewayStall();
  }

  private watchGatewayStall(): void {
    this.gatewayStall = this.shared.clock.after(stallMs, () => {
      this.dismiss('stalled', `the gateway took nothing for ${stallMs / 1_000} s`, Reason.serverUnavailable);
      this.uplink?.gateway.terminate();
    });
  }

  private readOn(): void {
    this.gatewayStall?.cancel();
    this.isHeldBack = false;
    this.client.resume();
  }

  private readGateway(bytes: Buffer): void {
    if (this.ended) return;
    this.liveness?.heardBroker();
    this.shared.metrics.frames.add('down');
    this.uplink?.countFrames();
    try {
      const packets = [...this.fromGateway.split(bytes)].filter((packet) => this.isForClient(packet));
      if (this.isConnected) packets.push(...this.owed.splice(0));
      this.deliver(packets);
      this.shared.metrics.packets.add('down', packets.length);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.dismiss('gateway_error', error.message, Reason.serverUnavailable);
    }
  }

  private isForClient(packet: Buffer): boolean {
    const type = typeOf(packet);
    if (type === PacketType.pingresp) return !this.liveness?.takesPingresp();
    if (type === PacketType.connack) this.takeConnack(packet);
    else this.inFlight.fromBroker(packet);
    return true;
  }

  private takeConnack(packet: Buffer): void {
    this.sizeGate.fromServer(packet);
    this.isConnected = letsIn(packet);
    if (this.isConnected) this.props.place.advance('connected');
    const seconds = this.connect?.version === 5 ? serverKeepAliveOf(packet) : undefined;
    if (seconds !== undefined) this.liveness?.useServerKeepAlive(seconds);
  }

  /** Each packet is a write of its own: a WebSocket sends it as one message, and a socket sends all of them at once. */
  private deliver(packets: readonly Buffer[]): void {
    this.client.cork();
    let takesMore = true;
    for (const packet of packets) {
      this.shared.metrics.bytes.add('down', packet.length);
      takesMore = this.client.write(packet);
    }
    this.client.uncork();
    if (takesMore) return;
    this.shared.metrics.stalls.add('gateway_waits');
    this.uplink?.gateway.pause();
    this.clientStall ??= this.shared.clock.after(stallMs, () =>
      this.dismiss('stalled', `the client took nothing for ${stallMs / 1_000} s`),
    );
  }

  private clientReadsOn(): void {
    this.clientStall?.cancel();
    this.clientStall = undefined;
    this.uplink?.gateway.resume();
  }

  /** Somewhere in the last tenth of its time, so that clients that came together do not leave together. */
  private planEnd(): void {
    const { clock, maxAgeMs } = this.shared;
    if (maxAgeMs === 0) return;
    const age = maxAgeMs * (0.9 + Math.random() / 10);
    this.ageTimer = clock.after(age, () => this.retireWhenQuiet(clock.now() + patienceMs));
  }

  private retireWhenQuiet(latest: number): void {
    const { clock } = this.shared;
    const isQuiet = this.inFlight.count === 0 && !this.fromClient.isInside && !this.isHeldBack;
    if (isQuiet || clock.now() >= latest) this.retire();
    else this.ageTimer = clock.after(quietMs, () => this.retireWhenQuiet(latest));
  }

  private retire(): void {
    const { connect, uplink } = this;
    if (connect?.hasWill && connect.clientId !== '' && this.isConnected && uplink) {
      this.uplink = undefined; // it outlives the client
      uplink.flush();
      this.shared.handovers.park(connect, uplink);
    }
    this.dismiss('max_age', 'the connection is as old as it may become', Reason.maximumConnectTime);
  }

  private clientLeft(): void {
    this.end('client_left', 'client left');
    this.closeClient();
    this.uplink?.close();
  }

  private gatewayLeft(code: number): void {
    this.end('gateway_left', `gateway left with ${code}`);
    this.closeClient();
  }

  /** Lets the client go, and says why where MQTT has words for it. */
  private dismiss(reason: EndReason, message: string, code?: ReasonCode): void {
    if (this.ended) return;
    this.end(reason, message);
    if (code !== undefined) this.tell(code);
    this.closeClient();
    this.uplink?.close();
  }

  private tell(code: ReasonCode): void {
    const version = this.connect?.version;
    if (version === undefined) return;
    if (this.isConnected && version === 5) this.client.write(dismissal(code));
    // A broker that has the CONNECT answers it.
    if (!this.isConnected && !this.uplink) this.client.write(refusal(version, code));
  }

  /**
   * What was said last, a refusing CONNACK for one, still reaches the client. It may still be writing: to close its
   * socket under its hands would throw away what it has not read yet, so it is listened to until it has left as well.
   */
  private closeClient(): void {
    const { client } = this;
    if (client.destroyed || client.writableEnded) return;
    client.resume();
    client.end();
    client.once('end', () => client.destroy());
  }

  /** A client that reads nothing, or does not answer the end of its WebSocket, would keep its place. */
  private cutClient(): void {
    this.client.destroy();
    this.props.place.cut();
  }

  private end(reason: EndReason, message: string): void {
    if (this.ended) return;
    this.ended = true;
    this.giveUpDial();
    this.liveness?.stop();
    for (const timer of this.timers) timer?.cancel();
    if (!this.client.closed) this.lingerTimer = this.shared.clock.after(lingerMs, () => this.cutClient());
    this.held = [];
    this.owed = [];
    this.shared.metrics.ends.add(reason);
    this.props.log({ level: 'info', message: `closed: ${message}`, details: { reason } });
  }

  private get timers(): readonly (Timer | undefined)[] {
    const { helloTimer, ageTimer, refusalTimer, clientStall, gatewayStall } = this;
    return [helloTimer, ageTimer, refusalTimer, clientStall, gatewayStall];
  }

  private sideClosed(): void {
    this.openSides -= 1;
    if (this.openSides === 0) this.props.onGone();
  }
}

function reasonOf({ reason }: DialError): ReasonCode {
  if (reason === 'denied') return Reason.notAuthorized;
  return reason === 'throttled' ? Reason.serverBusy : Reason.serverUnavailable;
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
