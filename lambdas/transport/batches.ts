/** Limits of one call of SQS and of EventBridge: 10 entries, and 256 KiB for all of them. */
export const maxBatchEntries = 10;
export const maxBatchBytes = 262_144;

/** Splits a list into batches and keeps its order. An entry that is larger than a batch forms a batch of its own. */
export function inBatches<Entry>(entries: readonly Entry[], bytesOf: (entry: Entry) => number): Entry[][] {
  const batches: Entry[][] = [];
  let batch: Entry[] = [];
  let remainingBytes = 0;
  for (const entry of entries) {
    const bytes = bytesOf(entry);
    if (bytes > remainingBytes || batch.length === maxBatchEntries) {
      batch = [];
      batches.push(batch);
      remainingBytes = maxBatchBytes;
    }
    batch.push(entry);
    remainingBytes -= bytes;
  }
  return batches;
}
