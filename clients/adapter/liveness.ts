import { UPSTREAM_KEEP_ALIVE } from '../local-ping';
import type { Clock, Timer } from './clock';

/** A broker that answers at all does so within the visibility timeout of an event whose worker died. */
const answerMs = 150_000;

export interface LivenessProps {
  clock: Clock;
  /** The device's own, in seconds; 0 for none. */
  keepAlive: number;
  /** Whether the client is not read at the moment, so that its silence means nothing. */
  isHeldBack(): boolean;
  sendPing(): void;
  onSilentClient(seconds: number): void;
  onSilentBroker(seconds: number): void;
}

/**
 * Keeps two keep-alives apart: the device's own, which ends here, and a long one to the broker. A device is lost when it
 * was silent for one and a half of its intervals [MQTT-3.1.2-22], which the broker then learns by the end of the connection.
 */
export class Liveness {
  private deviceSeconds: number;
  private upstreamSeconds = UPSTREAM_KEEP_ALIVE;
  private heardClientAt: number;
  private sentAt: number;
  private isAnswered = false;
  private pingsUnanswered = 0;
  private clientTimer: Timer | undefined;
  private upstreamTimer: Timer | undefined;
  private answerTimer: Timer | undefined;

  constructor(private readonly props: LivenessProps) {
    this.heardClientAt = this.sentAt = props.clock.now();
    this.deviceSeconds = props.keepAlive;
    this.watchClient();
    this.watchUpstream();
  }

  /** What CONNACK of MQTT 5.0 says counts for device and adapter alike [MQTT-3.1.2-21]. Seconds. */
  useServerKeepAlive(seconds: number): void {
    this.deviceSeconds = seconds;
    this.upstreamSeconds = Math.min(seconds, UPSTREAM_KEEP_ALIVE);
    this.watchClient();
    this.watchUpstream();
  }

  heardClient(): void {
    this.heardClientAt = this.props.clock.now();
  }

  /** Something leaves for the broker. */
  sent(): void {
    this.sentAt = this.props.clock.now();
    this.isAnswered = false;
  }

  heardBroker(): void {
    this.isAnswered = true;
  }

  /**
   * Whether a PINGREQ may be answered here. Not while something sent has had no answer of any kind: then a ping that
   * goes all the way tells the device whether the broker is there.
   */
  get mayAnswer(): boolean {
    return this.isAnswered;
  }

  /** Whether a PINGRESP answers a ping of the adapter, so that it is not for the client. */
  takesPingresp(): boolean {
    if (this.pingsUnanswered === 0) return false;
    this.pingsUnanswered -= 1;
    if (this.pingsUnanswered === 0) this.answerTimer?.cancel();
    return true;
  }

  stop(): void {
    for (const timer of [this.clientTimer, this.upstreamTimer, this.answerTimer]) timer?.cancel();
  }

  private watchClient(): void {
    this.clientTimer?.cancel();
    if (this.deviceSeconds === 0) return;
    const left = this.heardClientAt + this.deviceSeconds * 1_500 - this.props.clock.now();
    if (left > 0) this.clientTimer = this.props.clock.after(left, () => this.watchClient());
    else if (this.props.isHeldBack()) this.forgiveClient();
    else this.props.onSilentClient(this.deviceSeconds * 1.5);
  }

  private forgiveClient(): void {
    this.heardClient();
    this.watchClient();
  }

  private watchUpstream(): void {
    this.upstreamTimer?.cancel();
    const left = this.sentAt + this.upstreamSeconds * 1_000 - this.props.clock.now();
    if (left <= 0) this.ping();
    this.upstreamTimer = this.props.clock.after(left > 0 ? left : this.upstreamSeconds * 1_000, () =>
      this.watchUpstream(),
    );
  }

  private ping(): void {
    this.sent();
    this.props.sendPing();
    this.pingsUnanswered += 1;
    if (this.pingsUnanswered > 1) return;
    this.answerTimer = this.props.clock.after(answerMs, () => this.props.onSilentBroker(answerMs / 1_000));
  }
}
