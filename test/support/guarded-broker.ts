import { scryptSync } from 'node:crypto';
import { type AttributeValue, DeleteItemCommand, DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import type { Account } from '../../lambdas/access/accounts';
import type { Rule } from '../../lambdas/access/rule';
import { deriveScramCredentials } from '../../lambdas/access/scram';
import { DynamoAccountDirectory } from '../../lambdas/storage/account-directory';
import { type TableName, tables } from '../../lambdas/storage/schema';
import type { CloudOptions } from '../../local/cloud-options';
import { tablePrefix } from '../../local/lambda/environment';
import { Broker5 } from './broker5';

/** Rule that allows everything to every client. */
export const everythingRule: Rule = { actions: ['publish', 'subscribe', 'receive'], topics: ['#'] };

type UserFields = Partial<Omit<Account, 'username' | 'passwordHash' | 'scram'>>;

/** Minimum number of SCRAM iterations. */
const iterations = 4096;

/** Options for tests in which users log in often and the cost of hashing does not matter. */
export const hashingOnce = {
  functions: { onPackets: { entry: 'test/support/on-packets-hashing-once.ts' } },
} as const satisfies CloudOptions;

/** A broker with access control, its accounts, its log and its tables. */
export class GuardedBroker {
  readonly accounts: DynamoAccountDirectory;
  private readonly db: DynamoDBClient;

  private constructor(
    /** The broker for clients of MQTT 5.0; `older` is the same broker for clients of MQTT 3.1.1. */
    readonly broker: Broker5,
    readonly lines: readonly string[],
  ) {
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    this.db = new DynamoDBClient({ endpoint: broker.cloud.endpoints.dynamodb, region: 'us-east-1', credentials });
    this.accounts = new DynamoAccountDirectory(this.db, `${tablePrefix}accounts`);
  }

  /** `access` is the content of the access file. */
  static async start(access: unknown, options: CloudOptions = {}): Promise<GuardedBroker> {
    const lines: string[] = [];
    const broker = await Broker5.start({ access, log: (line) => lines.push(line), ...options });
    return new GuardedBroker(broker, lines);
  }

  get older() {
    return this.broker.older;
  }

  get cloud() {
    return this.broker.cloud;
  }

  stop(): Promise<void> {
    return this.broker.stop();
  }

  /** Adds a user with a password. By default it may do everything. */
  async addUser(username: string, password: string, fields: UserFields = {}): Promise<void> {
    await this.add({ username, passwordHash: cheapHash(password), rules: [everythingRule], ...fields });
  }

  /** Adds a user for SCRAM-SHA-256. */
  async addScramUser(username: string, password: string, fields: UserFields = {}): Promise<void> {
    const scram = await deriveScramCredentials(password, iterations);
    await this.add({ username, scram, rules: [everythingRule], ...fields });
  }

  /** Replaces the rules of a user, as the command `users` does. */
  async changeRules(username: string, rules: readonly Rule[]): Promise<void> {
    const account = await this.accounts.read(username);
    if (!account) throw new Error(`there is no user ${username}`);
    await this.accounts.replace({ ...account, rules });
  }

  /** Deletes the counts of failed logins, because all tests use the same address. */
  async forgive(): Promise<void> {
    const counted = (await this.loginRows()).filter(({ part }) => part?.S?.startsWith('failures'));
    const keys = counted.map(({ id, part }) => ({ id: id!, part: part! }));
    await Promise.all(
      keys.map((Key) => this.db.send(new DeleteItemCommand({ TableName: `${tablePrefix}logins`, Key }))),
    );
  }

  /** Returns all rows of the logins table. */
  async loginRows(): Promise<Record<string, AttributeValue>[]> {
    const { Items = [] } = await this.db.send(new ScanCommand({ TableName: `${tablePrefix}logins` }));
    return Items;
  }

  /** All rows of all tables as text, one character for each byte of what is binary. */
  async stored(): Promise<string> {
    await this.cloud.settled();
    const names = Object.keys(tables) as TableName[];
    const pages = await Promise.all(
      names.map((name) => this.db.send(new ScanCommand({ TableName: tablePrefix + name }))),
    );
    return pages.flatMap(({ Items = [] }) => Items.map(textOf)).join('\n');
  }

  /** What was logged under a name. */
  logged(event: string): Record<string, unknown>[] {
    return this.lines
      .filter((line) => line.includes(`{"event":"${event}"`))
      .map((line) => JSON.parse(line.slice(line.indexOf('{'))));
  }

  private async add(account: Account): Promise<void> {
    if ((await this.accounts.create(account)) === 'exists') throw new Error(`${account.username} is there already`);
  }
}

const cheapHashes = new Map<string, string>();

/** The cheapest that is accepted: a test logs in many times, and what a hash is worth is tested elsewhere. */
function cheapHash(password: string): string {
  const hash = cheapHashes.get(password) ?? hashCheaply(password);
  cheapHashes.set(password, hash);
  return hash;
}

function hashCheaply(password: string): string {
  const salt = Buffer.alloc(16, 'salt');
  const hash = scryptSync(password, salt, 32, { N: 2 ** 14, r: 8, p: 1, maxmem: 2 ** 25 });
  const [shownSalt, shownHash] = [salt, hash].map((bytes) => bytes.toString('base64').replaceAll('=', ''));
  return `$scrypt$ln=14,r=8,p=1$${shownSalt}$${shownHash}`;
}

function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([name, part]) => `${name} ${textOf(part)}`)
    .join(' ');
}

/** Whether a text has any eight characters of a secret, as they are or in base64. */
export function reveals(text: string, secret: string): boolean {
  const spellings = [secret, ...[0, 1, 2].map((shift) => base64From(secret, shift))];
  return spellings.some((spelling) => {
    const starts = Array.from({ length: spelling.length - 7 }, (_, start) => start);
    return starts.some((start) => text.includes(spelling.slice(start, start + 8)));
  });
}

/** Without the characters at both ends, which depend on what stands around. */
function base64From(secret: string, shift: number): string {
  return Buffer.from('\0'.repeat(shift) + secret)
    .toString('base64')
    .slice(shift === 0 ? 0 : 4, -4);
}
