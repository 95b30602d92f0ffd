import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import type { LocalClock } from '../clock';
import type { ContainerPool } from '../lambda/container-pool';
import { type Message, type MessageAttribute, md5 } from './message';
import type { Queue } from './queue';

export interface EventSourceProps {
  readonly arn: string;
  readonly queue: Queue;
  readonly pool: ContainerPool;
  readonly clock: LocalClock;
}

/** The event source mapping: invokes the consumer of a queue with batches of messages, and deletes or returns them. */
export class EventSource {
  private pumping = false;

  constructor(private readonly props: EventSourceProps) {}

  /** Starts with the messages that the queue already has. */
  start(): void {
    this.props.queue.onReady = () => this.pump();
    this.props.pool.onCapacity = () => this.pump();
    this.pump();
  }

  /** Frames that arrive in one turn of the event loop form one batch. */
  private pump(): void {
    if (this.pumping) return;
    this.pumping = true;
    setImmediate(() => {
      this.pumping = false;
      while (this.props.queue.ready && this.props.pool.hasCapacity) this.deliver();
    });
  }

  private async deliver(): Promise<void> {
    const { queue, pool, clock } = this.props;
    const receivedAt = clock.now();
    const messages = queue.receive();
    const failed = await pool.invoke(this.event(messages)).then(
      (response) => failures(messages, response as SQSBatchResponse | null),
      () => messages, // The function failed: SQS delivers the whole batch again.
    );
    queue.complete(messages, failed, receivedAt);
  }

  private event(messages: readonly Message[]): SQSEvent {
    return { Records: messages.map((message) => record(message, this.props.arn)) };
  }
}

/** Lambda: no list means success; an id that is not in the batch fails the whole batch. */
function failures(messages: readonly Message[], response: SQSBatchResponse | null): readonly Message[] {
  const failedIds = new Set((response?.batchItemFailures ?? []).map(({ itemIdentifier }) => itemIdentifier));
  const failed = messages.filter(({ id }) => failedIds.has(id));
  return failed.length === failedIds.size ? failed : messages;
}

function record(message: Message, arn: string): SQSRecord {
  return {
    messageId: message.id,
    receiptHandle: `${message.id}#${message.receives}`,
    body: message.body,
    attributes: {
      ApproximateReceiveCount: String(message.receives),
      SentTimestamp: String(message.sentAt),
      SenderId: 'LOCAL',
      ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt),
      ...(message.group !== undefined && {
        SequenceNumber: message.sequence,
        MessageGroupId: message.group,
        MessageDeduplicationId: message.deduplicationId,
      }),
    },
    messageAttributes: recordAttributes(message.attributes),
    md5OfBody: md5(message.body),
    eventSource: 'aws:sqs',
    eventSourceARN: arn,
    awsRegion: 'us-east-1',
  };
}

const noValues: never[] = [];

function recordAttributes(attributes: Readonly<Record<string, MessageAttribute>>): SQSRecord['messageAttributes'] {
  const result: SQSRecord['messageAttributes'] = {};
  for (const name in attributes) {
    const { stringValue, dataType } = attributes[name]!;
    result[name] = { stringValue, stringListValues: noValues, binaryListValues: noValues, dataType };
  }
  return result;
}
