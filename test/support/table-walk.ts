import { DynamoDBClient, ScanCommand, type ScanCommandOutput } from '@aws-sdk/client-dynamodb';
import type { SessionItem } from '../../lambdas/broker/model/session';
import { shapeOf } from '../../lambdas/protocol/shape';
import { readFlag, readNumber, readText } from '../../lambdas/storage/attributes';
import { toStored } from '../../lambdas/storage/connection-item';
import type { Item } from '../../lambdas/storage/dynamo';
import { type TableName, type TableSchema, tables } from '../../lambdas/storage/schema';
import { toSessionItem } from '../../lambdas/storage/session-item';
import { keyOf, maxPartitionKeyBytes } from '../../lambdas/storage/shortened-keys';
import { readShapes } from '../../lambdas/storage/topic-index';
import type { Cloud } from '../../local/cloud';
import { tablePrefix } from '../../local/lambda/environment';

/** A row of a table, and the owner that keeps it. */
export interface WalkedRow {
  readonly table: TableName;
  /** Partition key and sort key, with a space in place of U+0000. */
  readonly key: string;
  readonly kind: string;
  /** Kind of the owner: a connection, a session, a client, the operator, a time. */
  readonly owner: string;
  /** True if the owner exists. */
  readonly isOwned: boolean;
  /** Time at which DynamoDB may delete the row, milliseconds since 1970; absent without a time to live. */
  readonly endsAt?: number;
}

/** Maximum milliseconds that a request for a shape check waits, and that a retained pointer exists without its message. */
const inPassing = 10 * 60_000;

/**
 * Reads every row of every table with its owner. Call it when the broker is idle: after `cloud.settled()`, while no client connects. A row
 * of an unknown kind has no owner.
 */
export async function walkTables(cloud: Cloud): Promise<WalkedRow[]> {
  const stored = await readEverything(cloud);
  const living = new Living(stored, new Set(cloud.connections()), cloud.clock.now());
  const names = Object.keys(tables) as TableName[];
  return names.flatMap((table) => stored[table].map((item) => toRow(table, item, rules[table](item, living))));
}

/** Returns the rows without an owner as `table kind key`, sorted. */
export async function leftoversIn(cloud: Cloud): Promise<string[]> {
  const rows = await walkTables(cloud);
  return rows
    .filter(({ isOwned }) => !isOwned)
    .map(({ table, kind, key }) => `${table} ${kind} ${key}`)
    .sort();
}

type Stored = Readonly<Record<TableName, readonly Item[]>>;

async function readEverything(cloud: Cloud): Promise<Stored> {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const db = new DynamoDBClient({ endpoint: cloud.endpoints.dynamodb, region: 'us-east-1', credentials });
  try {
    const entries: [string, Item[]][] = [];
    for (const name of Object.keys(tables)) entries.push([name, await scan(db, tablePrefix + name)]);
    return Object.fromEntries(entries) as unknown as Stored;
  } finally {
    db.destroy();
  }
}

async function scan(db: DynamoDBClient, TableName: string): Promise<Item[]> {
  const items: Item[] = [];
  let ExclusiveStartKey: Item | undefined;
  do {
    const page: ScanCommandOutput = await db.send(
      new ScanCommand({ TableName, ConsistentRead: true, ExclusiveStartKey }),
    );
    items.push(...(page.Items ?? []));
    ExclusiveStartKey = page.LastEvaluatedKey;
  } while (ExclusiveStartKey);
  return items;
}

function toRow(table: TableName, item: Item, { kind, owner, isOwned }: Ruling): WalkedRow {
  const { partitionKey, sortKey, timeToLive }: TableSchema = tables[table];
  const names = sortKey ? [partitionKey, sortKey] : [partitionKey];
  const key = names.map((name) => readText(item[name]).replaceAll('\0', ' ')).join(' ');
  const expiry = timeToLive && item[timeToLive];
  return { table, key, kind, owner, isOwned, ...(expiry && { endsAt: readNumber(expiry) * 1000 }) };
}

type Ruling = Pick<WalkedRow, 'kind' | 'owner' | 'isOwned'>;
type Rule = (item: Item, living: Living) => Ruling;

/** Connections, sessions and clients that can own rows. */
class Living {
  private readonly records: ReadonlyMap<string, Item>;
  private readonly heads: ReadonlyMap<string, SessionItem>;
  private readonly sessions: ReadonlySet<string>;
  private readonly messages: ReadonlySet<string>;
  private readonly firstLevels: ReadonlySet<string>;
  private readonly shapes: ReadonlySet<string>;
  private readonly accounts: ReadonlySet<string>;

  constructor(
    stored: Stored,
    private readonly sockets: ReadonlySet<string>,
    readonly now: number,
  ) {
    this.records = new Map(stored.connections.map((item) => [readText(item.connectionId), item]));
    const heads = stored.sessions.filter(({ part }) => readText(part) === 'head');
    this.heads = new Map(heads.map((item) => [readText(item.id), toSessionItem(item)]));
    const alive = [...this.heads.values()].filter((head) => this.hasHead(head));
    this.sessions = new Set(alive.flatMap(({ session, deleting }) => [session, ...(deleting ? [deleting] : [])]));
    const filters = stored.topicIndex.filter(({ filter }) => readText(filter) !== '\0shapes');
    this.shapes = new Set(filters.map(({ filter, shape }) => (shape ? readText(shape) : shapeOf(readText(filter)))));
    const messages = stored.retained.filter(({ bucket }) => readText(bucket).startsWith('first#'));
    this.messages = new Set(messages.map(({ name }) => readText(name)));
    const accounts = stored.accounts.filter(({ part }) => readText(part) === 'account');
    this.accounts = new Set(accounts.map(({ id }) => readText(id).slice('user#'.length)));
    this.firstLevels = new Set(messages.map(({ name }) => readText(name).split('/')[0] ?? ''));
  }

  /** True if the connection is open, or ended with work left to do. */
  hasConnection(connectionId: string): boolean {
    if (this.sockets.has(connectionId)) return true;
    const { connection, pending } = toStored(this.records.get(connectionId));
    if (pending) return pending.takeover !== undefined && this.now < pending.takeover.since + inPassing;
    if (!connection?.ended) return false;
    const { willAt = 0, sessionEndsAt = 0 } = connection.ended;
    return Math.max(willAt, sessionEndsAt) > this.now;
  }

  /** True if a connection owns the session, or if its client can resume it. */
  hasHead({ owner, persistent, expiresAt }: SessionItem): boolean {
    if (owner !== undefined) return this.hasConnection(owner);
    return persistent && (expiresAt === undefined || expiresAt > this.now);
  }

  hasSession(session: string): boolean {
    return this.sessions.has(session);
  }

  /** True if the session is the current one of its client. */
  hasSessionOf(clientId: string, session: string): boolean {
    const head = this.heads.get(keyOf(clientId, maxPartitionKeyBytes));
    return head !== undefined && this.hasHead(head) && (head.session === session || head.deleting === session);
  }

  /** True if the client has a session that counts for the account of this key. */
  isCounted(clientId: string, account: string): boolean {
    const head = this.heads.get(keyOf(clientId, maxPartitionKeyBytes));
    return (
      head !== undefined && this.hasHead(head) && keyOf(`\0account#${head.quota}`, maxPartitionKeyBytes) === account
    );
  }

  /** True if the connection is established: only such a connection counts for its user. */
  isIn(connectionId: string): boolean {
    const { connection } = toStored(this.records.get(connectionId));
    return this.sockets.has(connectionId) && connection !== undefined && !connection.ended;
  }

  /** True if each listed shape has a row, or if a check that removes the others is requested. */
  usesShapes(list: Item): boolean {
    return (
      this.records.has('\0shapes') || [...readShapes(list).revisions.keys()].every((shape) => this.shapes.has(shape))
    );
  }

  hasAccount(username: string): boolean {
    return this.accounts.has(username);
  }

  hasMessage(topic: string): boolean {
    return this.messages.has(topic);
  }

  hasFirstLevel(level: string): boolean {
    return this.firstLevels.has(level);
  }
}

const rules: Readonly<Record<TableName, Rule>> = {
  connections: (item, living) => {
    const connectionId = readText(item.connectionId);
    if (connectionId === '\0shapes') return untilTime('request', readNumber(item.latestAt) + inPassing, living);
    const kind = item.ended ? 'ended' : readFlag(item.pending) ? 'pending' : 'open';
    return { kind, owner: `connection ${connectionId}`, isOwned: living.hasConnection(connectionId) };
  },
  sessions: (item, living) => {
    const [id, part] = [readText(item.id), readText(item.part)];
    if (part === 'head') {
      const head = toSessionItem(item);
      return { kind: 'head', owner: `client ${head.clientId}`, isOwned: living.hasHead(head) };
    }
    if (part.startsWith('will#')) {
      const connectionId = part.slice('will#'.length);
      return { kind: 'will', owner: `connection ${connectionId}`, isOwned: living.hasConnection(connectionId) };
    }
    if (part.startsWith('sub#')) return ofSession('subscription', id, living);
    if (part.startsWith('session#')) {
      const clientId = readText(item.clientId);
      return { kind: 'counted session', owner: `client ${clientId}`, isOwned: living.isCounted(clientId, id) };
    }
    return unknown;
  },
  topicIndex: (item, living) => {
    if (readText(item.filter) === '\0shapes') return { ...ofBroker('shapes'), isOwned: living.usesShapes(item) };
    const [clientId, session] = [readText(item.client ?? item.clientId), readText(item.session)];
    return { kind: 'subscriber', owner: `session ${session}`, isOwned: living.hasSessionOf(clientId, session) };
  },
  retained: (item, living) => {
    const [bucket, name] = [readText(item.bucket), readText(item.name)];
    if (bucket === 'count') return ofBroker('count');
    if (bucket === 'levels') return { kind: 'level', owner: `level ${name}`, isOwned: living.hasFirstLevel(name) };
    if (bucket.startsWith('first#')) return ofBroker('message');
    if (!bucket.startsWith('last#')) return unknown;
    const isYoung = readNumber(item.writtenAt) + inPassing > living.now;
    return { kind: 'pointer', owner: `topic ${name}`, isOwned: living.hasMessage(name) || isYoung };
  },
  inflight: (item, living) => {
    const [session, slot] = [readText(item.session), readText(item.slot)];
    if (session.startsWith('request#')) return untilTime('request', readNumber(item.expiresAt) * 1000, living);
    if (session.startsWith('share#')) return untilTime('choice', readNumber(item.expiresAt) * 1000, living);
    if (slot === 'usage') return untilTime('usage', readNumber(item.expiresAt) * 1000, living);
    const kind = slotKinds[slot[0] ?? ''];
    return kind ? ofSession(kind, session, living) : unknown;
  },
  accounts: (item, living) => {
    const [id, part] = [readText(item.id), readText(item.part)];
    if (part === 'account') return { kind: 'account', owner: 'the operator', isOwned: true };
    if (id === 'broker') return ofBroker('secret');
    if (id.startsWith('client#') || id === 'prefixes') {
      const username = readText(item.username);
      return { kind: 'binding', owner: `user ${username}`, isOwned: living.hasAccount(username) };
    }
    return id === 'watch' ? untilTime('watch', readNumber(item.until), living) : unknown;
  },
  logins: (item, living) => {
    const [id, part] = [readText(item.id), readText(item.part)];
    if (id === 'broker') return ofBroker('secret');
    if (id.startsWith('seen ')) return untilTime('seen binding', readNumber(item.expiresAt) * 1000, living);
    if (part.startsWith('failures')) return untilTime('failures', readNumber(item.expiresAt) * 1000, living);
    if (!part.startsWith('seat#')) return unknown;
    const connectionId = readText(item.connectionId);
    return { kind: 'seat', owner: `connection ${connectionId}`, isOwned: living.isIn(connectionId) };
  },
};

const slotKinds: Readonly<Record<string, string>> = { o: 'outgoing', i: 'incoming', u: 'unreleased', x: 'routed' };

const unknown: Ruling = { kind: 'unknown', owner: 'nobody', isOwned: false };

function ofBroker(kind: string): Ruling {
  return { kind, owner: 'the broker', isOwned: true };
}

function ofSession(kind: string, session: string, living: Living): Ruling {
  return { kind, owner: `session ${session}`, isOwned: living.hasSession(session) };
}

function untilTime(kind: string, end: number, { now }: Living): Ruling {
  return { kind, owner: `time ${end}`, isOwned: end > now };
}
