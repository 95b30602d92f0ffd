import { randomUUID } from 'node:crypto';
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import type { EarlierRequest, RequestLedger } from '../broker/ports/directories';
import type { Clock } from '../broker/ports/process';
import { number, readNumber, readText, text } from './attributes';
import { conditionFailed, type Item } from './dynamo';
import { versioned } from './versioned-dynamo';

/** Longer than the function of the API may run: who has not answered by then, will not. */
const leaseMilliseconds = 30_000;

/** How long an answer is kept. */
const keptSeconds = 24 * 3600;

/** Requests with an `Idempotency-Key`, in the inflight table: they live as shortly as its other rows. */
export class DynamoRequestLedger implements RequestLedger {
  private readonly db: DynamoDb;

  constructor(
    db: DynamoDb,
    private readonly table: string,
    private readonly now: Clock,
  ) {
    this.db = versioned(db, { [table]: 'inflight' });
  }

  /** A condition that fails tells nothing by itself: this very claim may have come before, and its answer got lost. */
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

  async finish(id: string, fingerprint: string, answer: string): Promise<void> {
    await this.put(id, { fingerprint: text(fingerprint), answer: text(answer) });
  }

  async release(id: string, fingerprint: string): Promise<void> {
    await this.put(id, { fingerprint: text(fingerprint), leaseUntil: number(0) });
  }

  /** False when another one is there than was seen, or any one when none was. */
  private async claim(id: string, mine: Item, over: Item | undefined): Promise<boolean> {
    const leaseUntil = number(this.now() + leaseMilliseconds);
    const condition = over
      ? {
          ConditionExpression: 'fingerprint = :mine AND leaseUntil = :seen',
          ExpressionAttributeValues: { ':mine': mine.fingerprint ?? text(''), ':seen': over.leaseUntil ?? number(0) },
        }
      : { ConditionExpression: 'attribute_not_exists(slot)' };
    try {
      await this.put(id, { ...mine, leaseUntil }, condition);
      return true;
    } catch (error) {
      if (conditionFailed(error)) return false;
      throw error;
    }
  }

  /** What an earlier request came to; undefined when it had its time and came to nothing. */
  private earlierIn(found: Item, fingerprint: string): Exclude<EarlierRequest, 'begun' | 'resumed'> | undefined {
    if (readText(found.fingerprint) !== fingerprint) return 'other';
    if (found.answer) return { answer: readText(found.answer) };
    return readNumber(found.leaseUntil) < this.now() ? undefined : 'running';
  }

  private async read(id: string): Promise<Item | undefined> {
    const command = new GetItemCommand({ TableName: this.table, Key: keyOf(id), ConsistentRead: true });
    return (await this.db.send(command)).Item;
  }

  private async put(
    id: string,
    attributes: Item,
    condition: Pick<
      ConstructorParameters<typeof PutItemCommand>[0],
      'ConditionExpression' | 'ExpressionAttributeValues'
    > = {},
  ): Promise<void> {
    const expiresAt = number(Math.ceil(this.now() / 1000) + keptSeconds);
    await this.db.send(
      new PutItemCommand({ TableName: this.table, Item: { ...keyOf(id), ...attributes, expiresAt }, ...condition }),
    );
  }
}

/** No session id begins like this: they begin with a time. */
function keyOf(id: string): Item {
  return { session: text(`request#${id}`), slot: text('request') };
}
