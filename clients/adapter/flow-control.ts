import type { Clock, Timer } from './clock';
import type { AdapterMetrics } from './metrics';

/** Maximum time for which one side may stay paused; then the connection ends. */
const stallMs = 300_000;

/** A side that can be paused: its bytes are not read meanwhile. */
interface Pausable {
  pause(): void;
  resume(): void;
}

export interface FlowControlProps {
  client: Pausable;
  upstream: Pausable;
  clock: Clock;
  metrics: AdapterMetrics;
  /** The client has read nothing for so many seconds. */
  onClientStalled(seconds: number): void;
  /** The gateway has read nothing for so many seconds. */
  onGatewayStalled(seconds: number): void;
}

/** Backpressure between the two sides of a relay: pauses the faster one, and reports a side that does not read any more. */
export class FlowControl {
  private clientPaused = false;
  private clientStall: Timer | undefined;
  private gatewayStall: Timer | undefined;

  constructor(private readonly props: FlowControlProps) {}

  get isClientPaused(): boolean {
    return this.clientPaused;
  }

  /** Pauses the client until the gateway accepts more. */
  pauseClient(): void {
    if (this.clientPaused) return;
    this.clientPaused = true;
    this.props.metrics.stalls.add('device_waits');
    this.props.client.pause();
  }

  resumeClient(): void {
    this.gatewayStall?.cancel();
    this.gatewayStall = undefined;
    this.clientPaused = false;
    this.props.client.resume();
  }

  /** Limits how long the client stays paused. Not before the handshake, which has its own time limit. */
  limitClientPause(): void {
    this.gatewayStall ??= this.after(this.props.onGatewayStalled);
  }

  /** Pauses the gateway until the client accepts more. */
  pauseGateway(): void {
    this.props.metrics.stalls.add('gateway_waits');
    this.props.upstream.pause();
    this.clientStall ??= this.after(this.props.onClientStalled);
  }

  resumeGateway(): void {
    this.clientStall?.cancel();
    this.clientStall = undefined;
    this.props.upstream.resume();
  }

  stop(): void {
    this.clientStall?.cancel();
    this.gatewayStall?.cancel();
  }

  private after(onStalled: (seconds: number) => void): Timer {
    return this.props.clock.after(stallMs, () => onStalled(stallMs / 1_000));
  }
}
