/** A message to send. The names are those of the SQS API. */
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

/**
 * Client of SQS. It repeats a call that got no response, although the first attempt may have taken effect: a FIFO queue
 * recognizes the second message by its deduplication id, and a standard queue may deliver a message twice anyway.
 */
export interface Sqs {
  sendMessage(input: SendMessageInput): Promise<void>;
  /** Returns the entries that were not queued. All others are queued. */
  sendMessageBatch(input: SendMessageBatchInput): Promise<readonly FailedEntry[]>;
}
