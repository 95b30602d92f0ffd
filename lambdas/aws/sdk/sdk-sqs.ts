import { SendMessageBatchCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { FailedEntry, SendMessageBatchInput, SendMessageInput, Sqs } from '../sqs';

/** Sends messages through the SDK's client. */
export class SdkSqs implements Sqs {
  constructor(private readonly client: SQSClient) {}

  async sendMessage(input: SendMessageInput): Promise<void> {
    await this.client.send(new SendMessageCommand(input));
  }

  async sendMessageBatch({ QueueUrl, Entries }: SendMessageBatchInput): Promise<readonly FailedEntry[]> {
    const command = new SendMessageBatchCommand({ QueueUrl, Entries: [...Entries] });
    const { Failed = [] } = await this.client.send(command);
    return Failed.map(({ Id = '', Code = '', Message }) => ({ Id, Code, Message }));
  }
}
