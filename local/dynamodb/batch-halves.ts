/** Requests of one table: a list for writes, a list of keys with options for reads. */
type Requests = readonly unknown[] | { readonly Keys: readonly unknown[] };

interface Batch {
  readonly RequestItems: Readonly<Record<string, Requests>>;
}

/** Splits a batch request in two: one to execute now, and the rest in the format of its `RequestItems`. */
export function halves(batch: Batch): { done: Batch; left: Record<string, Requests> } {
  const done: Record<string, Requests> = {};
  const left: Record<string, Requests> = {};
  for (const [table, requests] of Object.entries(batch.RequestItems)) {
    const half = Math.ceil(listOf(requests).length / 2);
    done[table] = part(requests, 0, half);
    if (listOf(requests).length > half) left[table] = part(requests, half);
  }
  return { done: { ...batch, RequestItems: done }, left };
}

function listOf(requests: Requests): readonly unknown[] {
  return 'Keys' in requests ? requests.Keys : requests;
}

function part(requests: Requests, from: number, to?: number): Requests {
  const list = listOf(requests).slice(from, to);
  return 'Keys' in requests ? { ...requests, Keys: list } : list;
}
