import type { FailedEntry, SendMessageBatchInput, SendMessageInput, Sqs } from '../sqs';
import { JsonClient, type LeanClientOptions } from './json-client';

/** `endpoint` replaces the origin of the queue URLs. */
export type LeanSqsOptions = Omit<LeanClientOptions, 'endpoint'> & { readonly endpoint?: string };

/** Sends messages without the SDK (ADR 0010). */
export class LeanSqs implements Sqs {
  /** Clients by origin. Queues of one account and Region share an origin, and so its connections. */
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
    const existing = this.clients.get(endpoint);
    if (existing) return existing;
    const client = new JsonClient({ name: 'sqs', target: 'AmazonSQS' }, { ...this.options, endpoint });
    this.clients.set(endpoint, client);
    return client;
  }
}
