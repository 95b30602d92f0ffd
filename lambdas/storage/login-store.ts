import { randomBytes } from 'node:crypto';
import { type AttributeValue, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { canHaveAccount } from '../access/accounts';
import type {
  Attempt,
  ClientChange,
  FailureRule,
  Failures,
  LoginRecord,
  LoginStore,
  PairRecord,
  SharedFailures,
  WindowFailures,
} from '../access/logins';
import type { DynamoDb } from '../aws/dynamodb';
import type { Log } from '../broker/ports/process';
import { together } from '../shared/parallel';
import { accountKey } from './account-item';
import { accountsIn } from './account-store';
import { bytes, number, readBytes, readNumber, readText, text } from './attributes';
import { type Item, readAll, readTables, unlessConditionFailed } from './dynamo';
import { writtenVersion } from './schema-version';
import { keyOf, maxPartitionKeyBytes, maxSortKeyBytes } from './shortened-keys';
import { versioned } from './versioned-dynamo';

const secretKey: Item = { id: text('broker'), part: text('secret') };
const secretBytes = 32;

/** Deployed names of the two tables that a login reads. */
export interface LoginTables {
  /** Read only. */
  readonly accounts: string;
  readonly logins: string;
}

/** Failed logins, the secret of the broker, and the account of a login. */
export class DynamoLoginStore implements LoginStore {
  private known: Buffer | undefined;

  private readonly db: DynamoDb;

  constructor(
    db: DynamoDb,
    private readonly tables: LoginTables,
    private readonly log: Log,
  ) {
    this.db = versioned(db, { [tables.accounts]: 'accounts', [tables.logins]: 'logins' });
  }

  async read(attempt: Attempt): Promise<LoginRecord> {
    const { accounts, logins } = this.tables;
    const { username } = attempt;
    const items = await readTables(this.db, {
      ...(username !== undefined && canHaveAccount(username) && { [accounts]: [accountKey(username)] }),
      ...(attempt.source !== '' && { [logins]: [pairKey(attempt)] }),
    });
    const [account] = accountsIn(items[accounts] ?? [], this.log);
    return { ...(account ? { account } : {}), pair: readPair(items[logins]?.[0]) };
  }

  async readShared(attempt: Attempt): Promise<SharedFailures> {
    const keys = attempt.source === '' ? [] : [nameKey(attempt), addressKey(attempt)];
    const items = await readAll(this.db, this.tables.logins, keys);
    const fresh = items.filter(({ expiresAt }) => readNumber(expiresAt) * 1000 > attempt.now);
    const isOfAddress = ({ id }: Item) => readText(id).startsWith(addressPrefix);
    return {
      ofName: windowFailures(fresh.find((item) => !isOfAddress(item))),
      ofAddress: windowFailures(fresh.find(isOfAddress)),
    };
  }

  async addFailureOf(client: string, attempt: Attempt, rule: FailureRule): Promise<void> {
    await this.countFailure({ Key: pairKey(attempt), counter: clientCounter(client), times: timesOf(attempt, rule) });
  }

  async addFailure(attempt: Attempt, rule: FailureRule, keepUntil: number): Promise<void> {
    if (attempt.source === '') return;
    const times = timesOf(attempt, rule);
    const ofPairTimes = timesOf(attempt, rule, keepUntil);
    const count = await this.countFailure({ Key: pairKey(attempt), counter: pairCounter, times: ofPairTimes });
    if (count > rule.shared) return;
    const shared = [nameKey(attempt), addressKey(attempt)];
    await together(shared.map((Key) => this.countFailure({ Key, counter: sharedCounter, times })));
  }

  /** Two concurrent logins each write their own client, and may both remove the same one. */
  async remember(attempt: Attempt, { known, forgotten, expiresAt }: ClientChange): Promise<void> {
    const removed = forgotten.map((key, index) => [`#forgotten${index}`, clientPrefix + key] as const);
    const remove = removed.length > 0 ? ` REMOVE ${removed.map(([name]) => name).join(', ')}` : '';
    const command = new UpdateItemCommand({
      TableName: this.tables.logins,
      Key: pairKey(attempt),
      UpdateExpression: `SET v = :schemaVersion, expiresAt = :expiresAt, #known = :known${remove}`,
      ExpressionAttributeNames: { '#known': clientPrefix + known, ...Object.fromEntries(removed) },
      ExpressionAttributeValues: {
        ':schemaVersion': writtenVersion('logins').v,
        ':expiresAt': number(Math.ceil(expiresAt / 1000)),
        ':known': { M: { at: number(attempt.now) } },
      },
    });
    await this.db.send(command);
  }

  /**
   * One of the two conditions holds, unless another failure was counted in between; then the other one holds. Returns
   * the count.
   */
  private async countFailure({ Key, counter, times }: FailureCount): Promise<number> {
    for (let attempt = 0; attempt < maxCountAttempts; attempt++) {
      const count = await this.updateFailures(Key, attempt % 2 === 0 ? counter.increment : counter.start, times);
      if (count !== 'unmet') return count;
    }
    throw new Error(
      `a failed login was not counted in ${maxCountAttempts} attempts: its row may be of a later release`,
    );
  }

  async secret(): Promise<Buffer> {
    while (!this.known) this.known = (await this.readSecret()) ?? (await this.makeSecret());
    return this.known;
  }

  private async updateFailures(key: Item, { names, ...update }: FailureUpdate, times: Item): Promise<number | 'unmet'> {
    const values = Object.fromEntries(names.map((name) => [name, times[name] as AttributeValue]));
    const command = new UpdateItemCommand({
      TableName: this.tables.logins,
      Key: key,
      ...update,
      ExpressionAttributeValues: { ...values, ':schemaVersion': writtenVersion('logins').v, ':one': number(1) },
      ReturnValues: 'UPDATED_NEW',
    });
    const output = await unlessConditionFailed(this.db.send(command));
    return output ? readNumber(output.Attributes?.failures) : 'unmet';
  }

  /**
   * Prefers the secret in the accounts table, which an earlier release wrote: a new one would change the salts of
   * unknown users.
   */
  private async readSecret(): Promise<Buffer | undefined> {
    const { accounts, logins } = this.tables;
    const items = await readTables(this.db, { [accounts]: [secretKey], [logins]: [secretKey] });
    const [item] = [...(items[accounts] ?? []), ...(items[logins] ?? [])];
    return item && readBytes(item.secret);
  }

  /** Undefined when another container has stored its secret first. */
  private async makeSecret(): Promise<Buffer | undefined> {
    const secret = randomBytes(secretBytes);
    const output = await unlessConditionFailed(
      this.db.send(
        new PutItemCommand({
          TableName: this.tables.logins,
          Item: { ...secretKey, secret: bytes(secret) },
          ConditionExpression: 'attribute_not_exists(id)',
        }),
      ),
    );
    return output ? secret : undefined;
  }
}

/** One more failure: its row, its attributes and its time. */
interface FailureCount {
  readonly Key: Item;
  readonly counter: FailureCounter;
  readonly times: Item;
}

interface FailureUpdate {
  readonly UpdateExpression: string;
  readonly ConditionExpression: string;
  readonly ExpressionAttributeNames?: Record<string, string>;
  /** Values that occur in the expressions: DynamoDB refuses a value that no expression uses. */
  readonly names: readonly string[];
}

interface FailureCounter {
  readonly increment: FailureUpdate;
  readonly start: FailureUpdate;
}

/**
 * Each further attempt means that another failure was counted in between. No attempt succeeds on a row with a newer
 * schema version.
 */
const maxCountAttempts = 10;

/** Failures of a name from one address. The count starts again some time after the last failure. */
const pairCounter: FailureCounter = {
  increment: {
    UpdateExpression: 'SET v = :schemaVersion, failures = failures + :one, lastAt = :now, expiresAt = :expiresAt',
    ConditionExpression: 'lastAt >= :oldest',
    names: [':now', ':oldest', ':expiresAt'],
  },
  start: {
    UpdateExpression: 'SET v = :schemaVersion, failures = :one, lastAt = :now, expiresAt = :expiresAt',
    ConditionExpression: 'attribute_not_exists(lastAt) OR lastAt < :oldest',
    names: [':now', ':oldest', ':expiresAt'],
  },
};

/** Failures of one known client of the pair, as long as it is known. */
function clientCounter(key: string): FailureCounter {
  const ExpressionAttributeNames = { '#client': clientPrefix + key };
  return {
    increment: {
      UpdateExpression: 'SET v = :schemaVersion, #client.failures = #client.failures + :one, #client.lastAt = :now',
      ConditionExpression: '#client.lastAt >= :oldest',
      ExpressionAttributeNames,
      names: [':now', ':oldest'],
    },
    start: {
      UpdateExpression: 'SET v = :schemaVersion, #client.failures = :one, #client.lastAt = :now',
      ConditionExpression:
        'attribute_exists(#client) AND (attribute_not_exists(#client.lastAt) OR #client.lastAt < :oldest)',
      ExpressionAttributeNames,
      names: [':now', ':oldest'],
    },
  };
}

/**
 * Failures that many clients share. The count starts again some time after the first failure, because failures never
 * stop.
 */
const sharedCounter: FailureCounter = {
  increment: {
    UpdateExpression: 'SET v = :schemaVersion, failures = failures + :one',
    ConditionExpression: 'since >= :oldest',
    names: [':oldest'],
  },
  start: {
    UpdateExpression: 'SET v = :schemaVersion, failures = :one, since = :now, expiresAt = :expiresAt',
    ConditionExpression: 'attribute_not_exists(since) OR since < :oldest',
    names: [':now', ':oldest', ':expiresAt'],
  },
};

function timesOf({ now }: Attempt, { memory }: FailureRule, keepUntil = 0): Item {
  return {
    ':now': number(now),
    ':oldest': number(now - memory),
    ':expiresAt': number(Math.ceil(Math.max(now + memory, keepUntil) / 1000)),
  };
}

const addressPrefix = 'address#';
const failuresPart = 'failures';

/** Prefix of the attribute name; the key of a known client follows. */
const clientPrefix = 'c#';

function addressKey({ source }: Attempt): Item {
  return { id: text(addressPrefix + source), part: text(failuresPart) };
}

function nameKey({ username = '' }: Attempt): Item {
  return { id: text(keyOf(username, maxPartitionKeyBytes, 'name#')), part: text(failuresPart) };
}

function pairKey({ username = '', source }: Attempt): Item {
  const part = text(keyOf(username, maxSortKeyBytes, `${failuresPart}#`));
  return { id: text(addressPrefix + source), part };
}

function readPair(item: Item = {}): PairRecord {
  const known = Object.entries(item).filter(([name]) => name.startsWith(clientPrefix));
  const clients = known.map(([name, { M = {} }]) => {
    return [name.slice(clientPrefix.length), { loggedInAt: readNumber(M.at), failures: readFailures(M) }] as const;
  });
  return { failures: readFailures(item), clients: new Map(clients) };
}

function readFailures({ failures, lastAt }: Item): Failures {
  return { count: readNumber(failures), lastAt: readNumber(lastAt) };
}

function windowFailures(item: Item | undefined): WindowFailures {
  return { count: readNumber(item?.failures), since: readNumber(item?.since) };
}
