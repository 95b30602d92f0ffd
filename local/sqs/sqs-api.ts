import type { QueueName } from '../../lambdas/deployment';
import type { Meter } from '../bill';
import { type Message, type MessageAttribute, md5, messageBytes, type NewMessage, SqsError } from './message';
import type { Queue } from './queue';

interface SendRequest {
  readonly Id?: string;
  readonly MessageBody?: string;
  readonly MessageAttributes?: Record<string, { DataType: string; StringValue?: string }>;
  readonly MessageGroupId?: string;
  readonly MessageDeduplicationId?: string;
  readonly DelaySeconds?: number;
}

interface BatchOutput {
  readonly Successful: readonly unknown[];
  readonly Failed: readonly unknown[];
}

type Queues = { readonly [Name in QueueName]: Queue };

// SQS: maximum entries and bytes of one batch.
const maxBatchEntries = 10;
const maxBatchBytes = 1024 * 1024;

/** The operations of SQS in its JSON protocol. */
export class SqsApi {
  constructor(
    private readonly queues: Queues,
    private readonly meter: Meter,
  ) {}

  /**
   * Runs an operation.
   *
   * @throws SqsError
   */
  run(operation: string, input: Record<string, unknown>): unknown {
    const name = queueName(String(input.QueueUrl));
    if (!(name in this.queues)) {
      throw new SqsError('QueueDoesNotExist', `the queue ${input.QueueUrl} does not exist`);
    }
    switch (operation) {
      case 'SendMessage':
        return this.send(name, input as SendRequest);
      case 'SendMessageBatch':
        return this.sendBatch(name, (input.Entries ?? []) as SendRequest[]);
      case 'GetQueueAttributes':
        return { Attributes: queueAttributes(this.queues[name]) };
      default:
        throw new SqsError('UnsupportedOperation', `the local cloud does not imitate SQS ${operation}`);
    }
  }

  /** Executes only the first half of a batch. */
  runHalfBatch(input: Record<string, unknown>): unknown {
    const entries = input.Entries as SendRequest[];
    const half = Math.ceil(entries.length / 2);
    const output = this.run('SendMessageBatch', { ...input, Entries: entries.slice(0, half) }) as BatchOutput;
    const failure = { Code: 'InternalError', Message: 'a fault of the local cloud', SenderFault: false };
    return { ...output, Failed: [...output.Failed, ...entries.slice(half).map(({ Id }) => ({ Id, ...failure }))] };
  }

  private send(name: QueueName, request: SendRequest): unknown {
    const message = newMessage(request);
    const { id, sequence, bytes } = this.queues[name].send(message);
    this.meter.sent(name, bytes);
    return { MessageId: id, MD5OfMessageBody: md5(message.body), SequenceNumber: sequence };
  }

  private sendBatch(name: QueueName, entries: readonly SendRequest[]): BatchOutput {
    const messages = entries.map(newMessage);
    const bytes = messages.reduce((total, message) => total + messageBytes(message), 0);
    checkBatch(entries, bytes);
    this.meter.sent(name, bytes, entries.length);
    const results = messages.map((message, index) => sendEntry(this.queues[name], entries[index]!.Id!, message));
    return {
      Successful: results.filter((result) => !('Code' in result)),
      Failed: results.filter((result) => 'Code' in result),
    };
  }
}

/** Returns the name of a queue in its URL, `https://…/account/name` with `.fifo` at the end of a FIFO queue's. */
export function queueName(url: string): QueueName {
  return url.slice(url.lastIndexOf('/') + 1).replace(/\.fifo$/, '') as QueueName;
}

function checkBatch(entries: readonly SendRequest[], bytes: number): void {
  if (entries.length === 0) throw new SqsError('EmptyBatchRequest', 'there should be at least one entry');
  if (entries.length > maxBatchEntries) {
    throw new SqsError('TooManyEntriesInBatchRequest', `the batch has ${entries.length} entries, but 10 are allowed`);
  }
  if (new Set(entries.map(({ Id }) => Id)).size < entries.length) {
    throw new SqsError('BatchEntryIdsNotDistinct', 'two entries of the batch have the same id');
  }
  if (bytes > maxBatchBytes) throw new SqsError('BatchRequestTooLong', `the batch has ${bytes} bytes`);
}

function sendEntry(queue: Queue, Id: string, message: NewMessage) {
  try {
    const { id, sequence } = queue.send(message);
    return { Id, MessageId: id, MD5OfMessageBody: md5(message.body), SequenceNumber: sequence };
  } catch (error) {
    if (error instanceof SqsError) return { Id, Code: error.code, Message: error.message, SenderFault: true };
    throw error;
  }
}

function newMessage(request: SendRequest): NewMessage {
  return {
    body: request.MessageBody ?? '',
    attributes: newAttributes(request.MessageAttributes ?? {}),
    group: request.MessageGroupId,
    deduplicationId: request.MessageDeduplicationId,
    delaySeconds: request.DelaySeconds,
  };
}

function newAttributes(attributes: NonNullable<SendRequest['MessageAttributes']>): Record<string, MessageAttribute> {
  const entries = Object.entries(attributes).map(([name, { DataType, StringValue }]) => {
    if (StringValue === undefined) throw new SqsError('InvalidParameterValue', `attribute ${name} has no StringValue`);
    return [name, { dataType: DataType, stringValue: StringValue }] as const;
  });
  return Object.fromEntries(entries);
}

function queueAttributes(queue: Queue): Record<string, string> {
  const { visible, inFlight, delayed } = queue.counts;
  return {
    ApproximateNumberOfMessages: String(visible),
    ApproximateNumberOfMessagesNotVisible: String(inFlight),
    ApproximateNumberOfMessagesDelayed: String(delayed),
  };
}

/** A dead letter as tests see it. */
export type DeadLetter = Message & { readonly queue: QueueName };
