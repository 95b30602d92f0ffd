import { randomBytes } from 'node:crypto';
import { type AttributeValue, GetItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import {
  type Account,
  type AccountStore,
  type AddressFailures,
  canHaveAccount,
  type FailureRule,
  type LoginRecord,
  type UserFailures,
} from '../access/accounts';
import type { DynamoDb } from '../aws/lean-dynamodb';
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
      ...(address === '' ? [] : [addressKey(address), userKey(username, address)]),
    ]);
    const account = this.accountsIn(items)[0];
    const fresh = items.filter((item) => !isAccount(item) && readNumber(item.expiresAt) * 1000 > now);
    const failures = {
      ofUser: userFailures(fresh.find(({ part }) => readText(part) !== addressPart)),
      ofAddress: addressFailures(fresh.find(({ part }) => readText(part) === addressPart)),
    };
    return { ...(account ? { account } : {}), failures };
  }

  async readMany(usernames: readonly string[]): Promise<Map<string, Account>> {
    const keys = [...new Set(usernames)].filter(canHaveAccount).map(accountKey);
    const accounts = this.accountsIn(await readAll(this.db, this.table, keys));
    return new Map(accounts.map((account) => [account.username, account]));
  }

  async addFailure(username: string | undefined, address: string, now: number, rule: FailureRule): Promise<void> {
    if (address === '') return;
    const times: Item = {
      ':now': number(now),
      ':oldest': number(now - rule.memory),
      ':expiresAt': number(Math.ceil((now + rule.memory) / 1000)),
    };
    const count = await this.countFailure(userKey(username, address), ofUser, times);
    if (count <= rule.countedForAddress) await this.countFailure(addressKey(address), ofAddress, times);
  }

  /** One of two updates finds its condition met, unless a failure was counted in between: then the other does. Returns the count. */
  private async countFailure(key: Item, counter: FailureCounter, times: Item): Promise<number> {
    for (let attempt = 0; attempt < countAttempts; attempt++) {
      const count = await this.updateFailures(key, attempt % 2 === 0 ? counter.oneMore : counter.theFirst, times);
      if (count !== 'unmet') return count;
    }
    throw new Error(`a failed login was not counted in ${countAttempts} attempts: its row may be of a later release`);
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

  private async updateFailures(key: Item, { names, ...update }: FailureUpdate, times: Item): Promise<number | 'unmet'> {
    const values = Object.fromEntries(names.map((name) => [name, times[name] as AttributeValue]));
    try {
      const { Attributes } = await this.db.send(
        new UpdateItemCommand({
          TableName: this.table,
          Key: key,
          ...update,
          ExpressionAttributeValues: { ...values, ':form': writtenForm('accounts').v, ':one': number(1) },
          ReturnValues: 'UPDATED_NEW',
        }),
      );
      return readNumber(Attributes?.failures);
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
  /** Times that occur in the expressions: DynamoDB refuses a value that does not. */
  readonly names: readonly string[];
}

interface FailureCounter {
  readonly oneMore: FailureUpdate;
  readonly theFirst: FailureUpdate;
}

/** Each further attempt means that another failure was counted in between; on a row of a newer form no attempt succeeds. */
const countAttempts = 10;

/** It begins anew some time after the last failure. */
const ofUser: FailureCounter = {
  oneMore: {
    UpdateExpression: 'SET v = :form, failures = failures + :one, lastAt = :now, expiresAt = :expiresAt',
    ConditionExpression: 'lastAt >= :oldest',
    names: [':now', ':oldest', ':expiresAt'],
  },
  theFirst: {
    UpdateExpression: 'SET v = :form, failures = :one, lastAt = :now, expiresAt = :expiresAt',
    ConditionExpression: 'attribute_not_exists(lastAt) OR lastAt < :oldest',
    names: [':now', ':oldest', ':expiresAt'],
  },
};

/** It begins anew some time after the first failure, however many follow: somebody always fails. */
const ofAddress: FailureCounter = {
  oneMore: {
    UpdateExpression: 'SET v = :form, failures = failures + :one',
    ConditionExpression: 'since >= :oldest',
    names: [':oldest'],
  },
  theFirst: {
    UpdateExpression: 'SET v = :form, failures = :one, since = :now, expiresAt = :expiresAt',
    ConditionExpression: 'attribute_not_exists(since) OR since < :oldest',
    names: [':now', ':oldest', ':expiresAt'],
  },
};

const addressPart = 'failures';

function addressKey(address: string): Item {
  return { id: text(`address#${address}`), part: text(addressPart) };
}

function userKey(username = '', address: string): Item {
  return { id: text(`address#${address}`), part: text(keyOf(username, maximumSortKey, `${addressPart}#`)) };
}

function userFailures(item: Item | undefined): UserFailures {
  return item ? { count: readNumber(item.failures), lastAt: readNumber(item.lastAt) } : { count: 0, lastAt: 0 };
}

function addressFailures(item: Item | undefined): AddressFailures {
  return item?.since ? { count: readNumber(item.failures), since: readNumber(item.since) } : { count: 0, since: 0 };
}
