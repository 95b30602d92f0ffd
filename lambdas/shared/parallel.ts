/**
 * Works like `Promise.all`, but rejects only when every promise has settled. Work that goes on after a failure would
 * run beside the next attempt at the same work, or freeze with its container and continue much later.
 */
export async function together<const Work extends readonly unknown[]>(
  work: Work,
): Promise<{ -readonly [Key in keyof Work]: Awaited<Work[Key]> }> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

/**
 * Runs `work` on every item, at most `limit` at a time, and returns the results in the order of the items. After a
 * failure it starts nothing more, and rejects when the work in progress has settled.
 */
export async function inParallel<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const worker = async () => {
    try {
      for (let index = next++; index < items.length; index = next++) results[index] = await work(items[index] as T);
    } catch (error) {
      next = items.length;
      throw error;
    }
  };
  await together(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}
