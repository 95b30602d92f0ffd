import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';

export interface RecordProcessing {
  readonly process: (record: SQSRecord) => Promise<void>;
  readonly onError: (error: Error) => void;
}

/**
 * Processes a batch of a FIFO queue: groups in parallel, the records of a group in order. After a failure it skips the rest
 * of the group, so that SQS delivers it again in order.
 */
export async function byGroup({ Records }: SQSEvent, processing: RecordProcessing): Promise<SQSBatchResponse> {
  const groups = new Map<string, SQSRecord[]>();
  for (const record of Records) {
    const group = record.attributes.MessageGroupId ?? '';
    groups.set(group, [...(groups.get(group) ?? []), record]);
  }
  const failed = await Promise.all([...groups.values()].map((records) => inOrder(records, processing)));
  return { batchItemFailures: failed.flat().map(({ messageId }) => ({ itemIdentifier: messageId })) };
}

/** Returns the records that SQS has to deliver again. */
async function inOrder(records: SQSRecord[], { process, onError }: RecordProcessing): Promise<SQSRecord[]> {
  for (const [index, record] of records.entries()) {
    try {
      await process(record);
    } catch (error) {
      onError(error as Error);
      return records.slice(index);
    }
  }
  return [];
}
