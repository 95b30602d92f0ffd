import { createHash, randomUUID } from 'node:crypto';
import type { Sqs } from '../aws/sqs';
import type { AdminDisconnect } from '../broker/model/connection';
import type { Continuation } from '../broker/model/continuation';
import type { Clock } from '../broker/ports/process';
import type { PacketQueue } from '../broker/ports/queues';
import { attributes } from '../deployment';
import { asciiJson } from '../protocol/ascii-json';
import { continuationBodies } from './continuations';
import type { SentKind } from './gateway-event';

interface NewEvent {
  readonly kind: SentKind;
  /** Events of one connection with equal ids are queued once within five minutes. */
  readonly deduplicationId: string;
  /** The kind if absent, because SQS refuses an empty body. */
  readonly body?: string;
}

/** Sends the broker's own events into the ordered stream of a connection. */
export class SqsPacketQueue implements PacketQueue {
  constructor(
    private readonly sqs: Pick<Sqs, 'sendMessage'>,
    private readonly url: string,
    private readonly now: Clock,
  ) {}

  wake(connectionId: string, occasion: number | string): Promise<void> {
    return this.send(connectionId, { kind: 'wake', deduplicationId: `wake#${connectionId}#${occasion}` });
  }

  disconnect(connectionId: string, clientId?: string): Promise<void> {
    const body = clientId === undefined ? undefined : asciiJson({ clientId });
    return this.send(connectionId, { kind: 'disconnect', deduplicationId: `disconnect#${connectionId}`, body });
  }

  expire(connectionId: string): Promise<void> {
    return this.send(connectionId, { kind: 'expired', deduplicationId: randomUUID() });
  }

  adminDisconnect(connectionId: string, disconnect: AdminDisconnect, occasion: string): Promise<void> {
    const body = asciiJson(disconnect);
    return this.send(connectionId, { kind: 'dismiss', deduplicationId: `dismiss#${occasion}`, body });
  }

  /** A continuation is sent as a wake with a body, so that older releases, which do not know it, treat it as a wake. */
  async continue(connectionId: string, continuation: Continuation, occasion: string): Promise<void> {
    for (const body of continuationBodies(continuation)) {
      const digest = createHash('sha256').update(`${occasion}\n${body}`).digest('base64url');
      await this.send(connectionId, { kind: 'wake', deduplicationId: `continue#${digest}`, body });
    }
  }

  private send(connectionId: string, { kind, deduplicationId, body = kind }: NewEvent): Promise<void> {
    return this.sqs.sendMessage({
      QueueUrl: this.url,
      MessageBody: body,
      MessageGroupId: connectionId,
      MessageDeduplicationId: deduplicationId,
      MessageAttributes: {
        [attributes.event]: { DataType: 'String', StringValue: kind },
        [attributes.receivedAt]: { DataType: 'String', StringValue: String(this.now()) },
      },
    });
  }
}
