import type { SQSRecord } from 'aws-lambda';
import type { Sqs } from '../aws/sqs';
import type { BrokerEvent } from '../broker/ports/events';
import type { ScheduledCheck, TimerQueue } from '../broker/ports/queues';
import { asciiJson } from '../protocol/ascii-json';

/** A task of the timer queue. */
export type TimerTask =
  | { readonly kind: 'checkConnection'; readonly connectionId: string; readonly renews: boolean }
  | { readonly kind: 'sweep' }
  | { readonly kind: 'checkShapes' }
  | { readonly kind: 'wake'; readonly connectionId: string }
  | { readonly kind: 'connectTimeout'; readonly connectionId: string }
  | { readonly kind: 'event'; readonly event: BrokerEvent }
  /** Sent by a later release. */
  | { readonly kind: 'unknown'; readonly name: string };

/**
 * The body of a message. During a deployment one release reads what another has sent, so these names are not those of the
 * code.
 */
type TimerBody =
  | { readonly task: 'check'; readonly connectionId: string; readonly again?: boolean }
  | { readonly task: 'look' }
  | { readonly task: 'shapes' }
  | { readonly task: 'wake'; readonly connectionId: string }
  | { readonly task: 'greet'; readonly connectionId: string }
  | ({ readonly task: 'event' } & BrokerEvent);

/** Sends delayed tasks. SQS may deliver each twice; the second one finds nothing to do. */
export class SqsTimerQueue implements TimerQueue {
  constructor(
    private readonly sqs: Pick<Sqs, 'sendMessage'>,
    private readonly url: string,
  ) {}

  scheduleCheck({ connectionId, delaySeconds, renews }: ScheduledCheck): Promise<void> {
    return this.send({ task: 'check', connectionId, ...(renews && { again: true }) }, delaySeconds);
  }

  scheduleSweep(delaySeconds: number): Promise<void> {
    return this.send({ task: 'look' }, delaySeconds);
  }

  scheduleShapeCheck(): Promise<void> {
    return this.send({ task: 'shapes' }, 0);
  }

  scheduleWake(connectionId: string, delaySeconds: number): Promise<void> {
    return this.send({ task: 'wake', connectionId }, delaySeconds);
  }

  scheduleConnectTimeout(connectionId: string, delaySeconds: number): Promise<void> {
    return this.send({ task: 'greet', connectionId }, delaySeconds);
  }

  private send(body: TimerBody, delaySeconds: number): Promise<void> {
    return this.sqs.sendMessage({ QueueUrl: this.url, MessageBody: asciiJson(body), DelaySeconds: delaySeconds });
  }
}

/** Body of a message of the timer queue with an event for EventBridge. */
export function eventBody(event: BrokerEvent): string {
  return asciiJson({ task: 'event', ...event } satisfies TimerBody);
}

/** Reads a record of the timer queue. */
export function toTimerTask(record: SQSRecord): TimerTask {
  const body = JSON.parse(record.body) as TimerBody;
  switch (body.task) {
    case 'check':
      return { kind: 'checkConnection', connectionId: body.connectionId, renews: body.again === true };
    case 'look':
      return { kind: 'sweep' };
    case 'shapes':
      return { kind: 'checkShapes' };
    case 'wake':
      return { kind: 'wake', connectionId: body.connectionId };
    case 'greet':
      return { kind: 'connectTimeout', connectionId: body.connectionId };
    case 'event': {
      const { task: _task, ...event } = body;
      return { kind: 'event', event };
    }
    default:
      return { kind: 'unknown', name: String((body as { readonly task?: unknown }).task) };
  }
}
