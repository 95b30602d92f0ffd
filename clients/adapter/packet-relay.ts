import { packetType } from '../../lambdas/protocol/codec/packet-types';
import { Reason } from '../../lambdas/protocol/reason-codes';
import { UPSTREAM_KEEP_ALIVE } from '../local-ping';
import type { Refusal } from '../size-gate';
import { MAX_DELIVERED_BYTES, WireError } from '../wire';
import { ClientInput, InputError } from './client-input';
import { type ConnectDetails, readConnect, withKeepAlive } from './connect-packet';
import type { Stage } from './connection-limit';
import { clientKey } from './disconnect-backoff';
import { badPacket, brokerSilent, clientSilent, type Ending, ending, gatewayFailed } from './endings';
import { InFlight } from './in-flight';
import { Liveness } from './liveness';
import type { Log } from './log';
import { OversizedPackets } from './oversized-packets';
import { PacketSplitter } from './packet-splitter';
import { isAccepting, pingreq, pingresp, serverKeepAliveOf, typeOf } from './packets';
import type { RelayShared } from './relay-shared';

export interface PacketRelayProps {
  shared: RelayShared;
  log: Log;
  /** Sends a packet to the broker. */
  send(packet: Buffer): void;
  /** Sends packets to the client. */
  deliver(packets: readonly Buffer[]): void;
  isClientPaused(): boolean;
  /** CONNECT has arrived, or a CONNACK that accepts the client. */
  onStage(stage: Stage): void;
  /** Ends the connection. */
  disconnect(reason: Ending): void;
  /** Ends the connection without waiting for the gateway. */
  abandonGateway(reason: Ending): void;
}

/** Relays the packets of one client and of the broker, in both directions, and answers some of the client's itself. */
export class PacketRelay {
  private readonly input: ClientInput;
  private readonly oversized: OversizedPackets;
  private readonly fromGateway = new PacketSplitter(MAX_DELIVERED_BYTES);
  private readonly inFlight = new InFlight();
  private liveness: Liveness | undefined;
  private currentStage: Stage = 'opened';
  private details: ConnectDetails | undefined;
  private isStopped = false;

  constructor(private readonly props: PacketRelayProps) {
    this.input = new ClientInput(props.shared.maxPacketBytes, {
      onPacket: (packet) => this.takePacket(packet),
      onRefusal: (refusal) => this.takeRefusal(refusal),
    });
    this.oversized = this.createOversizedPackets();
  }

  get stage(): Stage {
    return this.currentStage;
  }

  /** Undefined before CONNECT, and for a CONNECT that the broker refuses as malformed. */
  get connect(): ConnectDetails | undefined {
    return this.details;
  }

  /** True if no exchange is incomplete and no packet of the client has arrived in part. */
  get isIdle(): boolean {
    return this.inFlight.count === 0 && !this.input.isInsidePacket;
  }

  /** The connection to the gateway is open: keep-alives start. */
  upstreamOpened(): void {
    if (this.props.shared.localPing && this.details) this.liveness = this.createLiveness(this.details);
  }

  /** Takes bytes of the client. */
  readClient(bytes: Buffer): void {
    if (this.isStopped) return;
    this.props.shared.metrics.bytes.add('up', bytes.length);
    try {
      this.input.read(bytes);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      this.props.disconnect(badPacket(error.message, error.reasonCode));
    }
  }

  /** Takes the bytes of a frame from the gateway. */
  readGateway(bytes: Buffer): void {
    if (this.isStopped) return;
    const { metrics } = this.props.shared;
    this.liveness?.brokerActive();
    metrics.frames.add('down');
    try {
      const packets = [...this.fromGateway.split(bytes)].filter((packet) => this.isForClient(packet));
      if (this.stage === 'connected') packets.push(...this.oversized.takePending());
      this.props.deliver(packets);
      metrics.packets.add('down', packets.length);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.props.disconnect(gatewayFailed(error));
    }
  }

  /** Ignores everything from now on. */
  stop(): void {
    this.isStopped = true;
    this.liveness?.stop();
    this.oversized.stop();
  }

  private takePacket(packet: Buffer): void {
    if (this.isStopped) return;
    this.props.shared.metrics.packets.add('up');
    this.liveness?.clientActive();
    if (this.stage === 'opened' && typeOf(packet) === packetType.connect) this.takeConnect(packet);
    else if (this.stage === 'opened') this.props.disconnect(ending.noConnect);
    else if (packet.equals(pingreq)) this.takePing(packet);
    else {
      this.inFlight.fromClient(packet);
      this.send(packet);
    }
  }

  private takeRefusal(refusal: Refusal): void {
    if (this.stage === 'opened') this.props.disconnect(ending.noConnect);
    if (this.isStopped) return;
    this.liveness?.clientActive();
    this.oversized.take(refusal);
  }

  private takePing(packet: Buffer): void {
    const isAnsweredHere = this.stage === 'connected' && this.liveness?.mayAnswer;
    this.props.shared.metrics.pings.add(isAnsweredHere ? 'adapter' : 'broker');
    if (isAnsweredHere) this.props.deliver([pingresp]);
    else this.send(packet);
  }

  private takeConnect(packet: Buffer): void {
    this.details = readConnect(packet);
    this.input.connectRead(this.details?.version);
    this.logConnect();
    const raisesKeepAlive = this.details && this.props.shared.localPing;
    this.send(raisesKeepAlive ? withKeepAlive(this.details!, UPSTREAM_KEEP_ALIVE) : packet);
    this.advance('connecting');
  }

  private send(packet: Buffer): void {
    this.liveness?.sent();
    this.props.send(packet);
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
    const seconds = this.details?.version === 5 ? serverKeepAliveOf(packet) : undefined;
    if (seconds !== undefined) this.liveness?.useServerKeepAlive(seconds);
  }

  private advance(stage: Stage): void {
    this.currentStage = stage;
    this.props.onStage(stage);
  }

  private createOversizedPackets(): OversizedPackets {
    const { shared, log, deliver, disconnect } = this.props;
    const { clock, metrics, disconnectBackoff } = shared;
    return new OversizedPackets({
      clock,
      metrics,
      log,
      isConnected: () => this.stage === 'connected',
      deliver: (packet) => deliver([packet]),
      delayDisconnect: () => disconnectBackoff.delayAfterRefusal(clientKey(this.details)),
      disconnect: (message) => disconnect(badPacket(message, Reason.packetTooLarge)),
    });
  }

  private createLiveness({ keepAlive }: ConnectDetails): Liveness {
    const { shared, isClientPaused, disconnect, abandonGateway } = this.props;
    return new Liveness({
      clock: shared.clock,
      keepAlive,
      isClientPaused,
      sendPing: () => this.send(pingreq),
      onSilentClient: (seconds) => disconnect(clientSilent(seconds)),
      onSilentBroker: (seconds) => abandonGateway(brokerSilent(seconds)),
    });
  }

  private logConnect(): void {
    if (!this.details) return;
    const { clientId, version, keepAlive } = this.details;
    const details = { clientId, version, keepAlive };
    this.props.log({ level: 'info', message: `connects as ${JSON.stringify(clientId)}`, details });
  }
}
