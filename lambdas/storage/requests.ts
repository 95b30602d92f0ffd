import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/lean-dynamodb';
import type { Earlier, RequestLedger } from '../broker/directory';
import type { Clock } from '../broker/ports';
import { number, readText, text } from './attributes';
import { conditionFailed, type Item } from './dynamo';
import { formed } from './formed-dynamo';

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
    this.db = formed(db, { [table]: 'inflight' });
  }

  async begin(id: string, fingerprint: string): Promise<Earlier> {
    try {
      const former = await this.put(
        id,
        { fingerprint: text(fingerprint), leaseUntil: number(this.now() + leaseMilliseconds) },
        {
          ConditionExpression: 'attribute_not_exists(slot) OR (fingerprint = :mine AND leaseUntil < :now)',
          ExpressionAttributeValues: { ':mine': text(fingerprint), ':now': number(this.now()) },
        },
      );
      return former ? 'resumed' : 'begun';
    } catch (error) {
      if (!conditionFailed(error)) throw error;
      return this.read(id, fingerprint);
    }
  }

  async finish(id: string, fingerprint: string, answer: string): Promise<void> {
    await this.put(id, { fingerprint: text(fingerprint), answer: text(answer) });
  }

  async release(id: string, fingerprint: string): Promise<void> {
    await this.put(id, { fingerprint: text(fingerprint), leaseUntil: number(0) });
  }

  /** The one that is in the way. It may have come to its end meanwhile. */
  private async read(id: string, fingerprint: string): Promise<Earlier> {
    const command = new GetItemCommand({ TableName: this.table, Key: keyOf(id), ConsistentRead: true });
    const { Item: found = {} } = await this.db.send(command);
    if (readText(found.fingerprint) !== fingerprint) return 'other';
    return found.answer ? { answer: readText(found.answer) } : 'running';
  }

  private async put(
    id: string,
    attributes: Item,
    condition: Pick<
      ConstructorParameters<typeof PutItemCommand>[0],
      'ConditionExpression' | 'ExpressionAttributeValues'
    > = {},
  ): Promise<Item | undefined> {
    const expiresAt = number(Math.ceil(this.now() / 1000) + keptSeconds);
    const command = new PutItemCommand({
      TableName: this.table,
      Item: { ...keyOf(id), ...attributes, expiresAt },
      ReturnValues: 'ALL_OLD',
      ...condition,
    });
    return (await this.db.send(command)).Attributes;
  }
}

/** No session id begins like this: they begin with a time. */
function keyOf(id: string): Item {
  return { session: text(`request#${id}`), slot: text('request') };
}
