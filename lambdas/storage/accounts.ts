import { randomBytes } from 'node:crypto';
import { GetItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { type Account, type AccountStore, canHaveAccount, type Failures, type LoginRecord } from '../access/accounts';
import type { DynamoDb } from '../aws/lean-dynamodb';
import { together } from '../broker/parallel';
import type { Log } from '../broker/ports';
import { accountKey, isAccount, readAccount } from './account-item';
import { bytes, number, readBytes, readNumber, readText, text } from './attributes';
import { conditionFailed, type Item, readAll } from './dynamo';
import { formed } from './formed-dynamo';
import { writtenForm } from './item-form';
import { keyOf, maximumSortKey } from './keys';

const secretKey: Item = { id: text('broker'), part: text('secret') };
const secretBytes = 32;

/** Accounts, failed logins and the broker's secret, which share a table. */
export class DynamoAccountStore implements AccountStore {
  private known: Buffer | undefined;

  private readonly db: DynamoDb;

  constructor(
    db: DynamoDb,
    private readonly table: string,
    private readonly log: Log,
  ) {
    this.db = formed(db, { [table]: 'accounts' });
  }

  async readLogin(username: string | undefined, address: string, now: number): Promise<LoginRecord> {
    const items = await readAll(this.db, this.table, [
      ...(username !== undefined && canHaveAccount(username) ? [accountKey(username)] : []),
      ...(address === '' ? [] : failureKeys(username, address)),
    ]);
    const account = this.accountsIn(items)[0];
    const fresh = items.filter((item) => !isAccount(item) && readNumber(item.expiresAt) * 1000 > now);
    const failures = {
      ofUser: toFailures(fresh.find(({ part }) => readText(part) !== addressPart)),
      ofAddress: toFailures(fresh.find(({ part }) => readText(part) === addressPart)),
    };
    return { ...(account ? { account } : {}), failures };
  }

  async readMany(usernames: readonly string[]): Promise<Map<string, Account>> {
    const keys = [...new Set(usernames)].filter(canHaveAccount).map(accountKey);
    const accounts = this.accountsIn(await readAll(this.db, this.table, keys));
    return new Map(accounts.map((account) => [account.username, account]));
  }

  async addFailure(username: string | undefined, address: string, now: number, memory: number): Promise<void> {
    if (address === '') return;
    await together(failureKeys(username, address).map((key) => this.countFailure(key, now, memory)));
  }

  /** One of two updates finds its condition met, unless a failure from there was counted in between: then the other does. */
  private async countFailure(key: Item, now: number, memory: number): Promise<void> {
    const values = {
      ':form': writtenForm('accounts').v,
      ':one': number(1),
      ':now': number(now),
      ':oldest': number(now - memory),
      ':expiresAt': number(Math.ceil((now + memory) / 1000)),
    };
    let update = oneMore;
    while ((await this.updateFailures(key, update, values)) === 'unmet') {
      update = update === oneMore ? theFirst : oneMore;
    }
  }

  async secret(): Promise<Buffer> {
    while (!this.known) this.known = (await this.readSecret()) ?? (await this.makeSecret());
    return this.known;
  }

  /** One that cannot be read is none, so nobody logs in with it: what it denied would be forgotten as well. */
  private accountsIn(items: Item[]): Account[] {
    return items.filter(isAccount).flatMap((item) => {
      try {
        return [readAccount(item)];
      } catch (error) {
        this.log('unreadable account', { error: (error as Error).message });
        return [];
      }
    });
  }

  private async updateFailures(key: Item, update: FailureUpdate, values: Item): Promise<'updated' | 'unmet'> {
    try {
      await this.db.send(
        new UpdateItemCommand({
          TableName: this.table,
          Key: key,
          ...update,
          ExpressionAttributeValues: values,
        }),
      );
      return 'updated';
    } catch (error) {
      if (conditionFailed(error)) return 'unmet';
      throw error;
    }
  }

  private async readSecret(): Promise<Buffer | undefined> {
    const command = new GetItemCommand({ TableName: this.table, Key: secretKey, ConsistentRead: true });
    const { Item } = await this.db.send(command);
    return Item && readBytes(Item.secret);
  }

  /** Nothing when another container was faster: the first one's stays. */
  private async makeSecret(): Promise<Buffer | undefined> {
    const secret = randomBytes(secretBytes);
    try {
      await this.db.send(
        new PutItemCommand({
          TableName: this.table,
          Item: { ...secretKey, secret: bytes(secret) },
          ConditionExpression: 'attribute_not_exists(id)',
        }),
      );
      return secret;
    } catch (error) {
      if (conditionFailed(error)) return undefined;
      throw error;
    }
  }
}

interface FailureUpdate {
  readonly UpdateExpression: string;
  readonly ConditionExpression: string;
}

const oneMore: FailureUpdate = {
  UpdateExpression: 'SET v = :form, failures = failures + :one, lastAt = :now, expiresAt = :expiresAt',
  ConditionExpression: 'lastAt >= :oldest',
};

const theFirst: FailureUpdate = {
  UpdateExpression: 'SET v = :form, failures = :one, lastAt = :now, expiresAt = :expiresAt',
  ConditionExpression: 'attribute_not_exists(lastAt) OR lastAt < :oldest',
};

const addressPart = 'failures';

/** One for the address, and one for each user name that was tried from it. */
function failureKeys(username = '', address: string): Item[] {
  const id = text(`address#${address}`);
  return [addressPart, keyOf(username, maximumSortKey, `${addressPart}#`)].map((part) => ({ id, part: text(part) }));
}

function toFailures(item: Item | undefined): Failures {
  return item ? { count: readNumber(item.failures), lastAt: readNumber(item.lastAt) } : { count: 0, lastAt: 0 };
}
