import { randomBytes } from 'node:crypto';
import { type AttributeValue, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { canHaveAccount } from '../access/accounts';
import type { AddressFailures, FailureRule, LoginRecord, LoginStore, UserFailures } from '../access/logins';
import type { DynamoDb } from '../aws/lean-dynamodb';
import type { Log } from '../broker/ports';
import { accountKey } from './account-item';
import { accountsIn } from './accounts';
import { bytes, number, readBytes, readNumber, readText, text } from './attributes';
import { conditionFailed, type Item, readTables } from './dynamo';
import { formed } from './formed-dynamo';
import { writtenForm } from './item-form';
import { keyOf, maximumSortKey } from './keys';

const secretKey: Item = { id: text('broker'), part: text('secret') };
const secretBytes = 32;

/** Names of the two tables that a login reads. */
export interface LoginTables {
  /** Read only. */
  readonly accounts: string;
  readonly logins: string;
}

/** Failed logins and the secret of the broker, and the account of whoever logs in. */
export class DynamoLoginStore implements LoginStore {
  private known: Buffer | undefined;

  private readonly db: DynamoDb;

  constructor(
    db: DynamoDb,
    private readonly tables: LoginTables,
    private readonly log: Log,
  ) {
    this.db = formed(db, { [tables.accounts]: 'accounts', [tables.logins]: 'logins' });
  }

  async read(username: string | undefined, address: string, now: number): Promise<LoginRecord> {
    const { accounts, logins } = this.tables;
    const keys = {
      ...(username !== undefined && canHaveAccount(username) && { [accounts]: [accountKey(username)] }),
      ...(address !== '' && { [logins]: [addressKey(address), userKey(username, address)] }),
    };
    const items = await readTables(this.db, keys);
    const [account] = accountsIn(items[accounts] ?? [], this.log);
    const fresh = (items[logins] ?? []).filter((item) => readNumber(item.expiresAt) * 1000 > now);
    const failures = {
      ofUser: userFailures(fresh.find(({ part }) => readText(part) !== addressPart)),
      ofAddress: addressFailures(fresh.find(({ part }) => readText(part) === addressPart)),
    };
    return { ...(account ? { account } : {}), failures };
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

  private async updateFailures(key: Item, { names, ...update }: FailureUpdate, times: Item): Promise<number | 'unmet'> {
    const values = Object.fromEntries(names.map((name) => [name, times[name] as AttributeValue]));
    try {
      const { Attributes } = await this.db.send(
        new UpdateItemCommand({
          TableName: this.tables.logins,
          Key: key,
          ...update,
          ExpressionAttributeValues: { ...values, ':form': writtenForm('logins').v, ':one': number(1) },
          ReturnValues: 'UPDATED_NEW',
        }),
      );
      return readNumber(Attributes?.failures);
    } catch (error) {
      if (conditionFailed(error)) return 'unmet';
      throw error;
    }
  }

  /** The one in the table of accounts is of an earlier release: another would give users who do not exist other salts. */
  private async readSecret(): Promise<Buffer | undefined> {
    const { accounts, logins } = this.tables;
    const items = await readTables(this.db, { [accounts]: [secretKey], [logins]: [secretKey] });
    const [item] = [...(items[accounts] ?? []), ...(items[logins] ?? [])];
    return item && readBytes(item.secret);
  }

  /** Nothing when another container was faster: the first one's stays. */
  private async makeSecret(): Promise<Buffer | undefined> {
    const secret = randomBytes(secretBytes);
    try {
      await this.db.send(
        new PutItemCommand({
          TableName: this.tables.logins,
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
