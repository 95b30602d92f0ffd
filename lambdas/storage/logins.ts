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
import { accountsIn } from './accounts';
import { bytes, number, readBytes, readNumber, readText, text } from './attributes';
import { conditionFailed, type Item, readAll, readTables } from './dynamo';
import { keyOf, maximumPartitionKey, maximumSortKey } from './keys';
import { writtenVersion } from './schema-version';
import { versioned } from './versioned-dynamo';

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
    await this.countFailure({ Key: pairKey(attempt), counter: ofClient(client), times: timesOf(attempt, rule) });
  }

  async addFailure(attempt: Attempt, rule: FailureRule, keepUntil: number): Promise<void> {
    if (attempt.source === '') return;
    const times = timesOf(attempt, rule);
    const ofPairTimes = timesOf(attempt, rule, keepUntil);
    const count = await this.countFailure({ Key: pairKey(attempt), counter: ofPair, times: ofPairTimes });
    if (count > rule.shared) return;
    const shared = [nameKey(attempt), addressKey(attempt)];
    await together(shared.map((Key) => this.countFailure({ Key, counter: ofMany, times })));
  }

  /** Two logins at the same time each write their own client, and may both remove the same one. */
  async remember(attempt: Attempt, { known, forgotten, expiresAt }: ClientChange): Promise<void> {
    const removed = forgotten.map((key, index) => [`#forgotten${index}`, clientPrefix + key] as const);
    const remove = removed.length > 0 ? ` REMOVE ${removed.map(([name]) => name).join(', ')}` : '';
    const command = new UpdateItemCommand({
      TableName: this.tables.logins,
      Key: pairKey(attempt),
      UpdateExpression: `SET v = :form, expiresAt = :expiresAt, #known = :known${remove}`,
      ExpressionAttributeNames: { '#known': clientPrefix + known, ...Object.fromEntries(removed) },
      ExpressionAttributeValues: {
        ':form': writtenVersion('logins').v,
        ':expiresAt': number(Math.ceil(expiresAt / 1000)),
        ':known': { M: { at: number(attempt.now) } },
      },
    });
    await this.db.send(command);
  }

  /** One of two updates finds its condition met, unless a failure was counted in between: then the other does. Returns the count. */
  private async countFailure({ Key, counter, times }: FailureCount): Promise<number> {
    for (let attempt = 0; attempt < countAttempts; attempt++) {
      const count = await this.updateFailures(Key, attempt % 2 === 0 ? counter.oneMore : counter.theFirst, times);
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
          ExpressionAttributeValues: { ...values, ':form': writtenVersion('logins').v, ':one': number(1) },
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

/** One more failure: where, in which attributes and when. */
interface FailureCount {
  readonly Key: Item;
  readonly counter: FailureCounter;
  readonly times: Item;
}

interface FailureUpdate {
  readonly UpdateExpression: string;
  readonly ConditionExpression: string;
  readonly ExpressionAttributeNames?: Record<string, string>;
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
const ofPair: FailureCounter = {
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

/** The same of one known client of the pair, as long as it is known. */
function ofClient(key: string): FailureCounter {
  const ExpressionAttributeNames = { '#client': clientPrefix + key };
  return {
    oneMore: {
      UpdateExpression: 'SET v = :form, #client.failures = #client.failures + :one, #client.lastAt = :now',
      ConditionExpression: '#client.lastAt >= :oldest',
      ExpressionAttributeNames,
      names: [':now', ':oldest'],
    },
    theFirst: {
      UpdateExpression: 'SET v = :form, #client.failures = :one, #client.lastAt = :now',
      ConditionExpression:
        'attribute_exists(#client) AND (attribute_not_exists(#client.lastAt) OR #client.lastAt < :oldest)',
      ExpressionAttributeNames,
      names: [':now', ':oldest'],
    },
  };
}

/** It begins anew some time after the first failure, however many follow: somebody always fails. */
const ofMany: FailureCounter = {
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

function timesOf({ now }: Attempt, { memory }: FailureRule, keepUntil = 0): Item {
  return {
    ':now': number(now),
    ':oldest': number(now - memory),
    ':expiresAt': number(Math.ceil(Math.max(now + memory, keepUntil) / 1000)),
  };
}

const addressPrefix = 'address#';
const failuresPart = 'failures';

/** Before the key of a known client, in the name of its attribute. */
const clientPrefix = 'c#';

function addressKey({ source }: Attempt): Item {
  return { id: text(addressPrefix + source), part: text(failuresPart) };
}

function nameKey({ username = '' }: Attempt): Item {
  return { id: text(keyOf(username, maximumPartitionKey, 'name#')), part: text(failuresPart) };
}

function pairKey({ username = '', source }: Attempt): Item {
  const part = text(keyOf(username, maximumSortKey, `${failuresPart}#`));
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
