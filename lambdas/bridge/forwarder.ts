import type { Clock, Log } from '../broker/ports/process';
import type { Message } from '../protocol/effects';
import { isExpired } from '../protocol/outgoing-publish';
import { messageProblem } from './iot-limits';
import { withOrigin } from './origin-property';

/** The broker on the other side. */
export interface RemoteBroker {
  /** Throws when another attempt may succeed; `refused` when none ever will. */
  publish(message: Message, now: number): Promise<'published' | { readonly refused: string }>;
}

/** Takes messages to the other side. */
export class Forwarder {
  constructor(
    private readonly remote: RemoteBroker,
    private readonly broker: string,
    private readonly now: Clock,
    private readonly log: Log,
  ) {}

  /** `message` has the topic, QoS and retain flag it is to have there. */
  async forward(message: Message): Promise<void> {
    if (isExpired(message, this.now())) return;
    const problem = messageProblem(message);
    if (problem !== undefined) return this.refuse(message, problem);
    const outcome = await this.remote.publish(withOrigin(message, this.broker), this.now());
    if (outcome !== 'published') this.refuse(message, outcome.refused);
  }

  private refuse({ topic, payload }: Message, reason: string): void {
    this.log('bridge refused', { direction: 'out', topic, bytes: payload.length, reason });
  }
}
