/** SQS and EventBridge: at most 10 entries in one call, and together 256 KiB. */
export const entriesPerBatch = 10;
export const largestBatch = 262_144;

/** Cuts a list into batches in its order. An entry that is larger alone is a batch of its own. */
export function inBatches<Entry>(entries: readonly Entry[], bytesOf: (entry: Entry) => number): Entry[][] {
  const batches: Entry[][] = [];
  let batch: Entry[] = [];
  let room = 0;
  for (const entry of entries) {
    const size = bytesOf(entry);
    if (size > room || batch.length === entriesPerBatch) {
      batch = [];
      batches.push(batch);
      room = largestBatch;
    }
    batch.push(entry);
    room -= size;
  }
  return batches;
}
