/** Writes are a list per table, reads a list of keys with options. */
type Requests = readonly unknown[] | { readonly Keys: readonly unknown[] };

interface Batch {
  readonly RequestItems: Readonly<Record<string, Requests>>;
}

/** A batch request cut in two: one to do now, and the items that are left, in the form of its `RequestItems`. */
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
