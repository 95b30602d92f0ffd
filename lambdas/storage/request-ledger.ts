import { randomUUID } from 'node:crypto';
import { GetItemCommand, PutItemCommand, type PutItemCommandOutput } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import type { EarlierRequest, RequestLedger } from '../broker/ports/directories';
import type { Clock } from '../broker/ports/process';
import { number, readNumber, readText, text } from './attributes';
import { type Item, unlessConditionFailed } from './dynamo';
import { versioned } from './versioned-dynamo';

/** Longer than the timeout of the API function: a request that has no response by then gets none. */
const leaseMilliseconds = 30_000;

/** Seconds for which a response is kept. */
const keptSeconds = 24 * 3600;

/** Requests with an `Idempotency-Key`, in the inflight table, whose rows have a time to live. */
export class DynamoRequestLedger implements RequestLedger {
  private readonly db: DynamoDb;

  constructor(
    db: DynamoDb,
    private readonly table: string,
    private readonly now: Clock,
  ) {
    this.db = versioned(db, { [table]: 'inflight' });
  }

  /** A failed condition alone proves nothing: this very claim may have taken effect before its response was lost. */
  async begin(id: string, fingerprint: string): Promise<EarlierRequest> {
    const attempt = randomUUID();
    for (let over: Item | undefined; ; ) {
      const outcome = over ? 'resumed' : 'begun';
      if (await this.claim(id, { fingerprint: text(fingerprint), attempt: text(attempt) }, over)) return outcome;
      const found = await this.read(id);
      if (readText(found?.attempt) === attempt) return outcome;
      const earlier = found && this.earlierIn(found, fingerprint);
      if (earlier) return earlier;
      over = found;
    }
  }

  async finish(id: string, fingerprint: string, response: string): Promise<void> {
    await this.put(id, { fingerprint: text(fingerprint), answer: text(response) });
  }

  async release(id: string, fingerprint: string): Promise<void> {
    await this.put(id, { fingerprint: text(fingerprint), leaseUntil: number(0) });
  }

  /** False when the row has changed since it was read, or exists although none was read. */
  private async claim(id: string, mine: Item, over: Item | undefined): Promise<boolean> {
    const leaseUntil = number(this.now() + leaseMilliseconds);
    const condition = over
      ? {
          ConditionExpression: 'fingerprint = :mine AND leaseUntil = :seen',
          ExpressionAttributeValues: { ':mine': mine.fingerprint ?? text(''), ':seen': over.leaseUntil ?? number(0) },
        }
      : { ConditionExpression: 'attribute_not_exists(slot)' };
    return (await unlessConditionFailed(this.put(id, { ...mine, leaseUntil }, condition))) !== undefined;
  }

  /** Returns the outcome of an earlier request; undefined when its lease has expired without a response. */
  private earlierIn(found: Item, fingerprint: string): Exclude<EarlierRequest, 'begun' | 'resumed'> | undefined {
    if (readText(found.fingerprint) !== fingerprint) return 'other';
    if (found.answer) return { answer: readText(found.answer) };
    return readNumber(found.leaseUntil) < this.now() ? undefined : 'running';
  }

  private async read(id: string): Promise<Item | undefined> {
    const command = new GetItemCommand({ TableName: this.table, Key: rowKey(id), ConsistentRead: true });
    return (await this.db.send(command)).Item;
  }

  private async put(
    id: string,
    attributes: Item,
    condition: Pick<
      ConstructorParameters<typeof PutItemCommand>[0],
      'ConditionExpression' | 'ExpressionAttributeValues'
    > = {},
  ): Promise<PutItemCommandOutput> {
    const expiresAt = number(Math.ceil(this.now() / 1000) + keptSeconds);
    return this.db.send(
      new PutItemCommand({ TableName: this.table, Item: { ...rowKey(id), ...attributes, expiresAt }, ...condition }),
    );
  }
}

/** Session ids begin with a time, so none equals this key. */
function rowKey(id: string): Item {
  return { session: text(`request#${id}`), slot: text('request') };
}
