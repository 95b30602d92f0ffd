import { JsonClient, type LeanClientOptions } from './json-client';

/** What a message is made of. Names are those of SQS. */
export interface NewMessage {
  readonly MessageBody: string;
  readonly DelaySeconds?: number;
  readonly MessageGroupId?: string;
  readonly MessageDeduplicationId?: string;
  readonly MessageAttributes?: Readonly<Record<string, { readonly DataType: 'String'; readonly StringValue: string }>>;
}

export interface SendMessageInput extends NewMessage {
  readonly QueueUrl: string;
}

export interface BatchEntry extends NewMessage {
  readonly Id: string;
}

export interface SendMessageBatchInput {
  readonly QueueUrl: string;
  readonly Entries: readonly BatchEntry[];
}

/** An entry of a batch that was not queued. */
export interface FailedEntry {
  readonly Id: string;
  readonly Code: string;
  readonly Message?: string;
}

/** What the queues ask of a client of SQS. */
export interface Sqs {
  sendMessage(input: SendMessageInput): Promise<void>;
  /** The entries that were not queued; the others were. */
  sendMessageBatch(input: SendMessageBatchInput): Promise<readonly FailedEntry[]>;
}

/** `endpoint` in place of the one in the URLs of the queues. */
export type LeanSqsOptions = Omit<LeanClientOptions, 'endpoint'> & { readonly endpoint?: string };

/**
 * Sends messages without the SDK (ADR 0010). A call that got no answer is made again and may have taken effect before: a
 * FIFO queue knows the second message by its deduplication id, a standard queue may deliver twice anyhow.
 */
export class LeanSqs implements Sqs {
  /** Queues of one account and Region share an origin, and so its connections. */
  private readonly clients = new Map<string, JsonClient>();

  constructor(private readonly options: LeanSqsOptions) {}

  async sendMessage(input: SendMessageInput): Promise<void> {
    await this.call('SendMessage', input);
  }

  async sendMessageBatch(input: SendMessageBatchInput): Promise<readonly FailedEntry[]> {
    const { Failed = [] } = JSON.parse(await this.call('SendMessageBatch', input)) as { Failed?: FailedEntry[] };
    return Failed;
  }

  private call(operation: string, input: SendMessageInput | SendMessageBatchInput): Promise<string> {
    return this.clientOf(input.QueueUrl).call(operation, JSON.stringify(input));
  }

  private clientOf(url: string): JsonClient {
    if (!URL.canParse(url)) throw new Error(`not the URL of a queue: ${url}`);
    const endpoint = this.options.endpoint ?? new URL(url).origin;
    const known = this.clients.get(endpoint);
    if (known) return known;
    const client = new JsonClient({ name: 'sqs', target: 'AmazonSQS' }, { ...this.options, endpoint });
    this.clients.set(endpoint, client);
    return client;
  }
}
