import { QueryCommand } from '@aws-sdk/client-dynamodb';
import type { SessionId } from '../broker/model/fence';
import type { QueueItem } from '../broker/model/queued-message';
import { together } from '../shared/parallel';
import { readNumber, text } from './attributes';
import { type Item, pages } from './dynamo';
import type { InflightTable } from './inflight-table';
import { toQueueItem } from './queue-items';
import { bundleRanges, everySlot, inOrder, type Range, singleRanges } from './queue-order';

/** Ranges of slots to read, up to one number. */
interface Walk {
  readonly ranges: readonly Range[];
  readonly outSeq: number;
  /** Items in one page; as many as DynamoDB returns if absent. */
  readonly pageSize: number | undefined;
}

/** Reads the outbound queue of a session. */
export class QueueReader {
  constructor(private readonly table: InflightTable) {}

  /**
   * Reads in the order of numbers. A short queue is read by one query and sorted. A long one is read from its oldest
   * slot on, single messages and bundles in parallel. An item with a number above `outSeq` has replaced an old one, so
   * it is left to the next drain.
   */
  async *inOrder(session: SessionId, outSeq: number, pageSize?: number): AsyncGenerator<QueueItem[]> {
    if (pageSize === undefined) yield* this.wholeQueue(session, outSeq);
    else yield* this.orderedQueue(session, outSeq, pageSize);
  }

  private async *wholeQueue(session: SessionId, outSeq: number): AsyncGenerator<QueueItem[]> {
    const whole = new QueryCommand({ ...this.range(session, everySlot), ConsistentRead: true });
    const { Items = [], LastEvaluatedKey } = await this.table.db.send(whole);
    if (!LastEvaluatedKey) {
      yield upTo(outSeq, Items).sort((one, other) => one.number - other.number);
      return;
    }
    yield* this.orderedQueue(session, outSeq);
  }

  private orderedQueue(session: SessionId, outSeq: number, pageSize?: number): AsyncGenerator<QueueItem[]> {
    const singles = this.walk(session, { ranges: singleRanges(outSeq), outSeq, pageSize });
    const bundles = this.walk(session, { ranges: bundleRanges(outSeq), outSeq, pageSize });
    return inOrder(singles, bundles);
  }

  async *unordered(session: SessionId): AsyncGenerator<QueueItem[]> {
    for await (const page of pages(this.table.db, this.range(session, everySlot))) yield page.map(toQueueItem);
  }

  private async *walk(session: SessionId, { ranges, outSeq, pageSize }: Walk): AsyncGenerator<QueueItem[]> {
    for (const range of ranges) {
      const query = { ...this.range(session, range), ...(pageSize === undefined ? {} : { Limit: pageSize }) };
      for await (const page of pages(this.table.db, query)) yield upTo(outSeq, page);
    }
  }

  async oldest(session: SessionId, outSeq: number): Promise<number | undefined> {
    const found = await together(
      [singleRanges(outSeq), bundleRanges(outSeq)].map((ranges) => this.oldestIn(session, ranges, outSeq)),
    );
    const numbers = found.filter((number) => number !== undefined);
    return numbers.length > 0 ? Math.min(...numbers) : undefined;
  }

  private async oldestIn(session: SessionId, ranges: readonly Range[], outSeq: number): Promise<number | undefined> {
    for (const range of ranges) {
      for await (const [first] of pages(this.table.db, { ...this.range(session, range), Limit: 1 })) {
        if (first && readNumber(first.number) <= outSeq) return readNumber(first.number);
      }
    }
    return undefined;
  }

  private range(session: SessionId, [from, to]: Range) {
    return {
      TableName: this.table.name,
      KeyConditionExpression: '#session = :session AND slot BETWEEN :from AND :to',
      ExpressionAttributeNames: { '#session': 'session' },
      ExpressionAttributeValues: { ':session': text(session), ':from': text(from), ':to': text(to) },
    };
  }
}

function upTo(outSeq: number, page: readonly Item[]): QueueItem[] {
  return page.map(toQueueItem).filter((item) => item.number <= outSeq);
}
