/**
 * As `Promise.all`, but rejects only when everything has come to its end. What went on behind a failure would run beside the
 * next attempt at the same work, or freeze with its container and go on much later.
 */
export async function together<const Work extends readonly unknown[]>(
  work: Work,
): Promise<{ -readonly [Key in keyof Work]: Awaited<Work[Key]> }> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

/**
 * Runs `work` on every item, at most `limit` at a time, and returns the results in the order of the items. Once one fails
 * nothing more is begun, and it rejects when what was begun has come to its end.
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
