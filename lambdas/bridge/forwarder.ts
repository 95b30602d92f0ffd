import type { Clock, Log } from '../broker/ports/process';
import type { Message } from '../protocol/effects';
import { isExpired } from '../protocol/outgoing-publish';
import { messageProblem } from './iot-limits';
import { withOrigin } from './origin-property';

/** The message broker of AWS IoT Core. */
export interface RemoteBroker {
  /** Publishes a message; `refused` if no other attempt can succeed. @throws Error if another attempt may succeed */
  publish(message: Message, now: number): Promise<'published' | { readonly refused: string }>;
}

export interface ForwarderProps {
  readonly remote: RemoteBroker;
  /** Name of this broker. */
  readonly broker: string;
  readonly now: Clock;
  readonly log: Log;
}

/** Forwards messages to AWS IoT Core. */
export class Forwarder {
  constructor(private readonly props: ForwarderProps) {}

  /** Forwards a message that has the topic, QoS and RETAIN flag of the other side. */
  async forward(message: Message): Promise<void> {
    const { remote, broker, now } = this.props;
    if (isExpired(message, now())) return;
    const problem = messageProblem(message);
    if (problem !== undefined) return this.logRefusal(message, problem);
    const outcome = await remote.publish(withOrigin(message, broker), now());
    if (outcome !== 'published') this.logRefusal(message, outcome.refused);
  }

  private logRefusal({ topic, payload }: Message, reason: string): void {
    this.props.log('bridge refused', { direction: 'out', topic, bytes: payload.length, reason });
  }
}
