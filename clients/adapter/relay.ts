import type { Duplex } from 'node:stream';
import { packetType } from '../../lambdas/protocol/codec/packet-types';
import { Reason } from '../../lambdas/protocol/reason-codes';
import { UPSTREAM_KEEP_ALIVE } from '../local-ping';
import type { Refusal } from '../size-gate';
import { MAX_DELIVERED_BYTES, WireError } from '../wire';
import { ClientInput, InputError } from './client-input';
import { ClientSide } from './client-side';
import type { Clock, Timer } from './clock';
import { type ConnectDetails, readConnect, withKeepAlive } from './connect-packet';
import type { ConnectionPermit, Stage } from './connection-limit';
import type { DialError, Dials } from './dials';
import { clientKey, type DisconnectBackoff } from './disconnect-backoff';
import {
  badPacket,
  brokerSilent,
  clientFailed,
  clientSilent,
  clientStalled,
  connectTimedOut,
  type Ending,
  ending,
  gatewayFailed,
  gatewayLeft,
  gatewayStalled,
  notConnected,
} from './endings';
import { FlowControl } from './flow-control';
import type { Handovers } from './handovers';
import { InFlight } from './in-flight';
import { Liveness } from './liveness';
import type { Log } from './log';
import type { AdapterMetrics } from './metrics';
import { OversizedPackets } from './oversized-packets';
import { PacketSplitter } from './packet-splitter';
import {
  isAccepting,
  pingreq,
  pingresp,
  refusingConnack,
  serverDisconnect,
  serverKeepAliveOf,
  typeOf,
} from './packets';
import { PlannedEnd } from './planned-end';
import { Upstream } from './upstream';

/** Objects and settings that all relays of an adapter share. */
export interface RelayShared {
  dials: Dials;
  handovers: Handovers;
  disconnectBackoff: DisconnectBackoff;
  clock: Clock;
  metrics: AdapterMetrics;
  /** Bytes of the largest packet of a client, fixed header included. */
  maxPacketBytes: number;
  /** Time limit for CONNECT after the accept, in milliseconds. */
  firstPacketMs: number;
  /** Age at which a connection is ended before the gateway does, in milliseconds; 0: never. */
  maxAgeMs: number;
  localPing: boolean;
  batchMs: number;
}

interface RelayProps {
  log: Log;
  permit: ConnectionPermit;
  /** Both sockets are closed. */
  onClosed(): void;
}

/** One client connection and its own connection to the gateway. When one ends, the relay ends the other. */
export class Relay {
  private readonly client: ClientSide;
  private readonly input: ClientInput;
  private readonly upstream: Upstream;
  private readonly flow: FlowControl;
  private readonly oversized: OversizedPackets;
  private readonly plannedEnd: PlannedEnd;
  private readonly connectTimer: Timer;
  private readonly fromGateway = new PacketSplitter(MAX_DELIVERED_BYTES);
  private readonly inFlight = new InFlight();
  private stage: Stage = 'opened';
  /** Undefined before CONNECT, and for a CONNECT that the broker refuses as malformed. */
  private connect: ConnectDetails | undefined;
  private liveness: Liveness | undefined;
  private isEnded = false;
  private openSockets = 1;

  constructor(
    stream: Duplex,
    private readonly shared: RelayShared,
    private readonly props: RelayProps,
  ) {
    const { clock, metrics, maxPacketBytes, firstPacketMs } = shared;
    this.client = new ClientSide(stream, { permit: props.permit, clock, metrics });
    this.input = new ClientInput(maxPacketBytes, {
      onPacket: (packet) => this.takePacket(packet),
      onRefusal: (refusal) => this.takeRefusal(refusal),
    });
    this.upstream = this.createUpstream();
    this.flow = this.createFlowControl();
    this.oversized = this.createOversizedPackets();
    this.plannedEnd = this.createPlannedEnd();
    this.connectTimer = clock.after(firstPacketMs, () => this.disconnect(connectTimedOut(firstPacketMs / 1_000)));
    this.listen(stream);
  }

  /** Ends the connection because the adapter closes. Packets taken from either side are still delivered. */
  shutDown(): void {
    this.disconnect(ending.adapterCloses);
  }

  /** Ends both sockets at once. */
  destroy(): void {
    this.end(ending.adapterCloses);
    this.client.destroy();
    this.upstream.terminate();
  }

  private listen(stream: Duplex): void {
    const { permit } = this.props;
    const releasePermit = permit.hold();
    permit.onEvict = () => this.end(ending.evicted);
    stream.on('data', (bytes: Buffer) => this.readClient(bytes));
    stream.on('drain', () => this.flow.resumeGateway());
    stream.on('error', (error) => this.end(clientFailed(error)));
    stream.on('end', () => this.clientLeft());
    stream.on('close', () => {
      releasePermit();
      this.clientLeft();
      this.socketClosed();
    });
  }

  private createUpstream(): Upstream {
    const { dials, batchMs, clock, metrics } = this.shared;
    return new Upstream({
      dials,
      batchMs,
      clock,
      metrics,
      events: {
        onOpen: () => this.upstreamOpened(),
        onRetry: (error, pauseMs) => this.logRetry(error, pauseMs),
        onFail: (error) => this.disconnect(notConnected(error)),
        onBytes: (bytes) => this.readGateway(bytes),
        onDrain: () => this.flow.resumeClient(),
        onError: (error) => this.end(gatewayFailed(error)),
        onClose: (code) => this.gatewayClosed(code),
      },
    });
  }

  private createFlowControl(): FlowControl {
    const { clock, metrics } = this.shared;
    return new FlowControl({
      client: this.client,
      upstream: this.upstream,
      clock,
      metrics,
      onClientStalled: (seconds) => this.disconnect(clientStalled(seconds)),
      onGatewayStalled: (seconds) => this.abandonGateway(gatewayStalled(seconds)),
    });
  }

  private createOversizedPackets(): OversizedPackets {
    const { clock, metrics, disconnectBackoff } = this.shared;
    return new OversizedPackets({
      clock,
      metrics,
      log: this.props.log,
      isConnected: () => this.stage === 'connected',
      deliver: (packet) => this.deliver([packet]),
      delayDisconnect: () => disconnectBackoff.delayAfterRefusal(clientKey(this.connect)),
      disconnect: (message) => this.disconnect(badPacket(message, Reason.packetTooLarge)),
    });
  }

  private createPlannedEnd(): PlannedEnd {
    const { clock, maxAgeMs } = this.shared;
    return new PlannedEnd({
      clock,
      maxAgeMs,
      isIdle: () => this.inFlight.count === 0 && !this.input.isInsidePacket && !this.flow.isClientPaused,
      end: () => this.endAsPlanned(),
    });
  }

  private createLiveness({ keepAlive }: ConnectDetails): Liveness {
    return new Liveness({
      clock: this.shared.clock,
      keepAlive,
      isClientPaused: () => this.flow.isClientPaused,
      sendPing: () => this.send(pingreq),
      onSilentClient: (seconds) => this.disconnect(clientSilent(seconds)),
      onSilentBroker: (seconds) => this.abandonGateway(brokerSilent(seconds)),
    });
  }

  private readClient(bytes: Buffer): void {
    if (this.isEnded) return;
    this.shared.metrics.bytes.add('up', bytes.length);
    try {
      this.input.read(bytes);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      this.disconnect(badPacket(error.message, error.reasonCode));
    }
  }

  private takePacket(packet: Buffer): void {
    if (this.isEnded) return;
    this.shared.metrics.packets.add('up');
    this.liveness?.clientActive();
    if (this.stage === 'opened' && typeOf(packet) === packetType.connect) this.takeConnect(packet);
    else if (this.stage === 'opened') this.disconnect(ending.noConnect);
    else if (packet.equals(pingreq)) this.takePing(packet);
    else {
      this.inFlight.fromClient(packet);
      this.send(packet);
    }
  }

  private takeRefusal(refusal: Refusal): void {
    if (this.stage === 'opened') this.disconnect(ending.noConnect);
    if (this.isEnded) return;
    this.liveness?.clientActive();
    this.oversized.take(refusal);
  }

  private takePing(packet: Buffer): void {
    const isAnsweredHere = this.stage === 'connected' && this.liveness?.mayAnswer;
    this.shared.metrics.pings.add(isAnsweredHere ? 'adapter' : 'broker');
    if (isAnsweredHere) this.deliver([pingresp]);
    else this.send(packet);
  }

  /** Dials the gateway after CONNECT only: a client that does not connect costs nothing. */
  private takeConnect(packet: Buffer): void {
    this.connectTimer.cancel();
    this.advance('connecting');
    this.connect = readConnect(packet);
    this.input.connectRead(this.connect?.version);
    this.logConnect();
    const raisesKeepAlive = this.connect && this.shared.localPing;
    this.send(raisesKeepAlive ? withKeepAlive(this.connect!, UPSTREAM_KEEP_ALIVE) : packet);
    this.dial();
  }

  private async dial(): Promise<void> {
    if (this.connect) await this.shared.handovers.finish(this.connect);
    if (!this.isEnded) this.upstream.dial(this.props.permit.address);
  }

  private upstreamOpened(): void {
    this.openSockets += 1;
    if (this.shared.localPing && this.connect) this.liveness = this.createLiveness(this.connect);
    this.plannedEnd.start();
    if (!this.flow.isClientPaused) return;
    if (this.upstream.isFull) this.flow.limitClientPause();
    else this.flow.resumeClient();
  }

  private send(packet: Buffer): void {
    this.liveness?.sent();
    if (this.upstream.send(packet)) return;
    this.flow.pauseClient();
    if (this.upstream.isOpen) this.flow.limitClientPause();
  }

  private readGateway(bytes: Buffer): void {
    if (this.isEnded) return;
    this.liveness?.brokerActive();
    this.shared.metrics.frames.add('down');
    this.upstream.countFrames();
    try {
      const packets = [...this.fromGateway.split(bytes)].filter((packet) => this.isForClient(packet));
      if (this.stage === 'connected') packets.push(...this.oversized.takePending());
      this.deliver(packets);
      this.shared.metrics.packets.add('down', packets.length);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.disconnect(gatewayFailed(error));
    }
  }

  private isForClient(packet: Buffer): boolean {
    const type = typeOf(packet);
    if (type === packetType.pingresp) return !this.liveness?.takesPingresp();
    if (type === packetType.connack) this.takeConnack(packet);
    else this.inFlight.fromBroker(packet);
    return true;
  }

  private takeConnack(packet: Buffer): void {
    this.input.readConnack(packet);
    if (isAccepting(packet)) this.advance('connected');
    const seconds = this.connect?.version === 5 ? serverKeepAliveOf(packet) : undefined;
    if (seconds !== undefined) this.liveness?.useServerKeepAlive(seconds);
  }

  private advance(stage: Stage): void {
    this.stage = stage;
    this.props.permit.advance(stage);
  }

  private deliver(packets: readonly Buffer[]): void {
    if (!this.client.write(packets)) this.flow.pauseGateway();
  }

  /** The connection has reached its maximum age. A will has to wait for the reconnect of its client: see `Handovers`. */
  private endAsPlanned(): void {
    const { connect, stage } = this;
    if (connect?.hasWill && connect.clientId !== '' && stage === 'connected') {
      const uplink = this.upstream.detach();
      if (uplink) this.shared.handovers.park(connect, uplink);
    }
    this.disconnect(ending.maxAge);
  }

  private clientLeft(): void {
    this.end(ending.clientLeft);
    this.client.close();
    this.upstream.close();
  }

  private gatewayClosed(closeCode: number): void {
    this.end(gatewayLeft(closeCode));
    this.client.close();
    this.socketClosed();
  }

  /** Ends the connection without waiting for a gateway that does not respond. */
  private abandonGateway(reason: Ending): void {
    this.disconnect(reason);
    this.upstream.terminate();
  }

  /** Ends the connection, and tells the client why where MQTT allows it. */
  private disconnect(reason: Ending): void {
    if (this.isEnded) return;
    this.end(reason);
    if (reason.code !== undefined) this.writeReason(reason.code);
    this.client.close();
    this.upstream.close();
  }

  private writeReason(code: number): void {
    const version = this.connect?.version;
    if (version === undefined) return;
    if (this.stage !== 'connected') {
      // A broker that has the CONNECT sends CONNACK itself.
      if (!this.upstream.isOpen) this.client.writeReason(refusingConnack(version, code));
    } else if (version === 5) this.client.writeReason(serverDisconnect(code));
  }

  private end({ reason, message }: Ending): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.connectTimer.cancel();
    this.upstream.cancel();
    this.liveness?.stop();
    this.flow.stop();
    this.oversized.stop();
    this.plannedEnd.stop();
    this.client.cutAfterLinger();
    this.shared.metrics.ends.add(reason);
    this.props.log({ level: 'info', message: `closed: ${message}`, details: { reason } });
  }

  private socketClosed(): void {
    this.openSockets -= 1;
    if (this.openSockets === 0) this.props.onClosed();
  }

  private logConnect(): void {
    if (!this.connect) return;
    const { clientId, version, keepAlive } = this.connect;
    const details = { clientId, version, keepAlive };
    this.props.log({ level: 'info', message: `connects as ${JSON.stringify(clientId)}`, details });
  }

  private logRetry({ message, reason }: DialError, pauseMs: number): void {
    const details = { reason, pauseMs };
    this.props.log({ level: 'warn', message: `waits for the gateway: ${message}`, details });
  }
}
