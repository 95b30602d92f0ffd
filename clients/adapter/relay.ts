import type { Duplex } from 'node:stream';
import { ClientSide } from './client-side';
import type { Timer } from './clock';
import type { ConnectionPermit, Stage } from './connection-limit';
import type { DialError } from './dials';
import {
  clientFailed,
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
import type { Log } from './log';
import { PacketRelay } from './packet-relay';
import { refusingConnack, serverDisconnect } from './packets';
import { PlannedEnd } from './planned-end';
import type { RelayShared } from './relay-shared';
import { Upstream } from './upstream';

interface RelayProps {
  log: Log;
  permit: ConnectionPermit;
  /** Both sockets are closed. */
  onClosed(): void;
}

/** One client connection and its own connection to the gateway. When one ends, the relay ends the other. */
export class Relay {
  private readonly client: ClientSide;
  private readonly upstream: Upstream;
  private readonly flow: FlowControl;
  private readonly packets: PacketRelay;
  private readonly plannedEnd: PlannedEnd;
  private readonly connectTimer: Timer;
  private isEnded = false;
  private openSockets = 1;

  constructor(
    stream: Duplex,
    private readonly shared: RelayShared,
    private readonly props: RelayProps,
  ) {
    const { clock, metrics, firstPacketMs } = shared;
    this.client = new ClientSide(stream, { permit: props.permit, clock, metrics });
    this.upstream = this.createUpstream();
    this.flow = this.createFlowControl();
    this.packets = this.createPacketRelay();
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
    stream.on('data', (bytes: Buffer) => this.packets.readClient(bytes));
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
        onBytes: (bytes) => this.packets.readGateway(bytes),
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

  private createPacketRelay(): PacketRelay {
    return new PacketRelay({
      shared: this.shared,
      log: this.props.log,
      send: (packet) => this.send(packet),
      deliver: (packets) => this.deliver(packets),
      isClientPaused: () => this.flow.isClientPaused,
      onStage: (stage) => this.advance(stage),
      disconnect: (reason) => this.disconnect(reason),
      abandonGateway: (reason) => this.abandonGateway(reason),
    });
  }

  private createPlannedEnd(): PlannedEnd {
    const { clock, maxAgeMs } = this.shared;
    return new PlannedEnd({
      clock,
      maxAgeMs,
      isIdle: () => this.packets.isIdle && !this.flow.isClientPaused,
      end: () => this.endAsPlanned(),
    });
  }

  private send(packet: Buffer): void {
    if (this.upstream.send(packet)) return;
    this.flow.pauseClient();
    if (this.upstream.isOpen) this.flow.limitClientPause();
  }

  private deliver(packets: readonly Buffer[]): void {
    if (!this.client.write(packets)) this.flow.pauseGateway();
  }

  /** Dials the gateway only after CONNECT: a client that does not connect costs nothing. */
  private advance(stage: Stage): void {
    this.props.permit.advance(stage);
    if (stage !== 'connecting') return;
    this.connectTimer.cancel();
    this.dial();
  }

  private async dial(): Promise<void> {
    const { connect } = this.packets;
    if (connect) await this.shared.handovers.finish(connect);
    if (!this.isEnded) this.upstream.dial(this.props.permit.address);
  }

  private upstreamOpened(): void {
    this.openSockets += 1;
    this.packets.upstreamOpened();
    this.plannedEnd.start();
    if (!this.flow.isClientPaused) return;
    if (this.upstream.isFull) this.flow.limitClientPause();
    else this.flow.resumeClient();
  }

  /** The connection has reached its maximum age. A will has to wait for the reconnect of its client: see `Handovers`. */
  private endAsPlanned(): void {
    const { connect, stage } = this.packets;
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
    const { connect, stage } = this.packets;
    if (connect === undefined) return;
    if (stage !== 'connected') {
      // A broker that has the CONNECT sends CONNACK itself.
      if (!this.upstream.isOpen) this.client.writeReason(refusingConnack(connect.version, code));
    } else if (connect.version === 5) this.client.writeReason(serverDisconnect(code));
  }

  private end({ reason, message }: Ending): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.connectTimer.cancel();
    this.upstream.cancel();
    this.flow.stop();
    this.packets.stop();
    this.plannedEnd.stop();
    this.client.cutAfterLinger();
    this.shared.metrics.ends.add(reason);
    this.props.log({ level: 'info', message: `closed: ${message}`, details: { reason } });
  }

  private socketClosed(): void {
    this.openSockets -= 1;
    if (this.openSockets === 0) this.props.onClosed();
  }

  private logRetry({ message, reason }: DialError, pauseMs: number): void {
    const details = { reason, pauseMs };
    this.props.log({ level: 'warn', message: `waits for the gateway: ${message}`, details });
  }
}
