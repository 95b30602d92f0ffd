import { UPSTREAM_KEEP_ALIVE } from '../local-ping';
import type { Clock, Timer } from './clock';

/** Time limit for PINGRESP: longer than the visibility timeout (120 s) of an event whose worker died. */
const maxAnswerMs = 150_000;

export interface LivenessProps {
  clock: Clock;
  /** Keep-alive of the client in seconds; 0 turns it off. */
  keepAlive: number;
  /** True while the adapter does not read the client: then its silence means nothing. */
  isClientPaused(): boolean;
  sendPing(): void;
  onSilentClient(seconds: number): void;
  onSilentBroker(seconds: number): void;
}

/**
 * Separates two keep-alives: the client's own, which ends at the adapter, and a long one towards the broker. A client is dead if
 * it was silent for 1.5 times its keep-alive [MQTT-3.1.2-22]; the end of its connection tells the broker.
 */
export class Liveness {
  private clientSeconds: number;
  private upstreamSeconds = UPSTREAM_KEEP_ALIVE;
  private clientActiveAt: number;
  private sentAt: number;
  private isAnswered = false;
  private unansweredPings = 0;
  private clientTimer: Timer | undefined;
  private upstreamTimer: Timer | undefined;
  private answerTimer: Timer | undefined;

  constructor(private readonly props: LivenessProps) {
    this.clientActiveAt = this.sentAt = props.clock.now();
    this.clientSeconds = props.keepAlive;
    this.checkClient();
    this.checkUpstream();
  }

  /** Applies Server Keep Alive of CONNACK (MQTT 5.0) to the client and to the adapter [MQTT-3.1.2-21]. Seconds. */
  useServerKeepAlive(seconds: number): void {
    this.clientSeconds = seconds;
    this.upstreamSeconds = Math.min(seconds, UPSTREAM_KEEP_ALIVE);
    this.checkClient();
    this.checkUpstream();
  }

  /** The client has sent something. */
  clientActive(): void {
    this.clientActiveAt = this.props.clock.now();
  }

  /** A packet is sent to the broker. */
  sent(): void {
    this.sentAt = this.props.clock.now();
    this.isAnswered = false;
  }

  /** The broker has sent something. */
  brokerActive(): void {
    this.isAnswered = true;
  }

  /**
   * True if the adapter may answer a PINGREQ itself: the broker has sent something since the last packet to it. Otherwise the
   * PINGREQ is forwarded, so that the client detects a dead broker.
   */
  get mayAnswer(): boolean {
    return this.isAnswered;
  }

  /** Returns true for a PINGRESP that answers a PINGREQ of the adapter, which the client must not get. */
  takesPingresp(): boolean {
    if (this.unansweredPings === 0) return false;
    this.unansweredPings -= 1;
    if (this.unansweredPings === 0) this.answerTimer?.cancel();
    return true;
  }

  stop(): void {
    for (const timer of [this.clientTimer, this.upstreamTimer, this.answerTimer]) timer?.cancel();
  }

  private checkClient(): void {
    this.clientTimer?.cancel();
    if (this.clientSeconds === 0) return;
    const remainingMs = this.clientActiveAt + this.clientSeconds * 1_500 - this.props.clock.now();
    if (remainingMs > 0) this.clientTimer = this.props.clock.after(remainingMs, () => this.checkClient());
    else if (this.props.isClientPaused()) this.restartClientTimeout();
    else this.props.onSilentClient(this.clientSeconds * 1.5);
  }

  private restartClientTimeout(): void {
    this.clientActive();
    this.checkClient();
  }

  private checkUpstream(): void {
    this.upstreamTimer?.cancel();
    const remainingMs = this.sentAt + this.upstreamSeconds * 1_000 - this.props.clock.now();
    if (remainingMs <= 0) this.ping();
    const nextMs = remainingMs > 0 ? remainingMs : this.upstreamSeconds * 1_000;
    this.upstreamTimer = this.props.clock.after(nextMs, () => this.checkUpstream());
  }

  private ping(): void {
    this.sent();
    this.props.sendPing();
    this.unansweredPings += 1;
    if (this.unansweredPings > 1) return;
    this.answerTimer = this.props.clock.after(maxAnswerMs, () => this.props.onSilentBroker(maxAnswerMs / 1_000));
  }
}
