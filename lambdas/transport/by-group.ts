import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';

export interface GroupWork {
  readonly work: (record: SQSRecord) => Promise<void>;
  readonly failed: (error: Error) => void;
}

/** Works off a batch of a FIFO queue: groups side by side, the records of a group in order, none past one that failed. */
export async function byGroup({ Records }: SQSEvent, { work, failed }: GroupWork): Promise<SQSBatchResponse> {
  const groups = new Map<string, SQSRecord[]>();
  for (const record of Records) {
    const group = record.attributes.MessageGroupId ?? '';
    groups.set(group, [...(groups.get(group) ?? []), record]);
  }
  const left = await Promise.all([...groups.values()].map((records) => workOff(records, { work, failed })));
  return { batchItemFailures: left.flat().map(({ messageId }) => ({ itemIdentifier: messageId })) };
}

/** Returns the records to be delivered again. */
async function workOff(records: SQSRecord[], { work, failed }: GroupWork): Promise<SQSRecord[]> {
  for (const [index, record] of records.entries()) {
    try {
      await work(record);
    } catch (error) {
      failed(error as Error);
      return records.slice(index);
    }
  }
  return [];
}
