import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AttributeValue, GetItemCommand, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ConnectionRecord, PendingConnection } from '../../lambdas/broker/model/connection';
import { bundleSlot, positionAlone } from '../../lambdas/broker/model/queue-slots';
import type { SessionClaim } from '../../lambdas/broker/model/session';
import { DynamoAccountDirectory } from '../../lambdas/storage/account-directory';
import { DynamoAccountSessions } from '../../lambdas/storage/account-sessions';
import { DynamoAccountStore } from '../../lambdas/storage/account-store';
import { DynamoUsages } from '../../lambdas/storage/account-usage';
import { DynamoClientDirectory } from '../../lambdas/storage/client-directory';
import { connectionKey } from '../../lambdas/storage/connection-attributes';
import { DynamoConnectionLimiter } from '../../lambdas/storage/connection-limiter';
import { DynamoConnectionStore } from '../../lambdas/storage/connection-store';
import { DynamoDebugClients } from '../../lambdas/storage/debug-clients';
import { DynamoInflightStore } from '../../lambdas/storage/inflight-store';
import { DynamoLoginStore } from '../../lambdas/storage/login-store';
import { DynamoLookup } from '../../lambdas/storage/lookup';
import { pendingItem } from '../../lambdas/storage/pending-connections';
import { DynamoRequestLedger } from '../../lambdas/storage/request-ledger';
import { DynamoRetainedDirectory } from '../../lambdas/storage/retained-directory';
import { DynamoRetainedStore } from '../../lambdas/storage/retained-store';
import { type TableName, type TableSchema, tables } from '../../lambdas/storage/schema';
import { NewerSchemaVersionError, schemaVersions } from '../../lambdas/storage/schema-version';
import { sessionKey } from '../../lambdas/storage/session-item';
import { DynamoSessionStore } from '../../lambdas/storage/session-store';
import { DynamoShapeChecks } from '../../lambdas/storage/shape-checks';
import { DynamoTopicIndex, shapesKey } from '../../lambdas/storage/topic-index';
import { Engine } from './support/engine';
import { message } from './support/messages';
import { retain } from './support/retained';

type Row = Record<string, AttributeValue>;

const now = 1_700_000_000_000;
const [first, second] = ['000000000000001#a', '000000000000002#b'];

const connection: ConnectionRecord = {
  connectionId: 'a',
  clientId: 'kitchen',
  version: 5,
  sessionExpiry: 60,
  session: first,
  fence: first,
  capabilities: {},
  identity: { kind: 'anonymous' },
  keepAlive: 60,
  lastSeen: now,
  lastNumber: 0,
  tail: Buffer.alloc(0),
  early: [],
  hasWill: true,
  isCounted: true,
  hasState: true,
  aliases: new Map(),
  outgoingAliases: new Map(),
  unreleased: new Set(),
};

const pending: PendingConnection = { connectionId: 'pending', lastNumber: 1, tail: Buffer.alloc(0), early: [] };

function claim(clientId: string, fence: string): SessionClaim {
  const capabilities = { receiveMaximum: 10 };
  return {
    clientId,
    connectionId: fence.slice(-1),
    fence,
    cleanStart: false,
    persistent: true,
    version: 5,
    capabilities,
    identity: { kind: 'anonymous' },
  };
}

let engine: Engine;

beforeAll(async () => {
  engine = await Engine.start();
});
afterAll(() => engine.stop());

function stores() {
  const db = engine.client();
  const table = (name: TableName) => engine.table(name);
  return {
    connections: new DynamoConnectionStore(db, table('connections')),
    sessions: new DynamoSessionStore(db, table('sessions')),
    index: new DynamoTopicIndex(db, table('topicIndex')),
    lookup: new DynamoLookup(db, {
      connections: table('connections'),
      topicIndex: table('topicIndex'),
      sessions: table('sessions'),
    }),
    retained: new DynamoRetainedStore(db, table('retained'), { limits: { all: 10, perAccount: 10 } }),
    inflight: new DynamoInflightStore({ db, dbWithoutRetries: db, table: table('inflight'), now: () => now }),
    requests: new DynamoRequestLedger(db, table('inflight'), () => now),
    accounts: new DynamoAccountStore(db, table('accounts'), () => undefined),
    logins: new DynamoLoginStore(db, { accounts: table('accounts'), logins: table('logins') }, () => undefined),
    directory: new DynamoAccountDirectory(db, table('accounts')),
    accountSessions: new DynamoAccountSessions(db, table('sessions')),
    usages: new DynamoUsages(db, table('inflight')),
    seats: new DynamoConnectionLimiter(db, table('logins')),
    watch: new DynamoDebugClients(db, table('accounts')),
    shapeChecks: new DynamoShapeChecks(db, table('connections'), () => now),
    clients: new DynamoClientDirectory(db, table('sessions')),
    retainedMessages: new DynamoRetainedDirectory(db, table('retained')),
  };
}

/** Writes one item of each kind. */
async function writeEverything(): Promise<void> {
  const { connections, sessions, index, retained, inflight, requests, logins, directory, seats, watch, shapeChecks } =
    stores();
  await connections.create(connection);
  await connections.putPending(pending);
  await sessions.claimFresh(claim('kitchen', first));
  await sessions.putWill('kitchen', 'a', { message: message('gone'), delay: 5 });
  await sessions.putSubscriptions(first, ['a/+']);
  await index.list(['L+'], 'owner', await index.shapes());
  await index.put({ filter: 'a/+', clientId: 'kitchen', session: first, qos: 1 });
  await retain(retained, message('home/lamp'));
  const outgoing = { session: first, qos: 1, state: 'published', sentOn: '', sentBy: '' } as const;
  const contents = { message: message('a/b'), retain: false };
  await inflight.put([
    { ...outgoing, number: 1, slot: positionAlone(1).slot, messages: [{ ...contents, packetId: 1 }] },
    { ...outgoing, number: 8, slot: bundleSlot(8), messages: [{ ...contents, packetId: bundleSlot(8) }] },
  ]);
  const third = { ...outgoing, number: 3, slot: positionAlone(3).slot };
  await inflight.putInOrder([{ ...third, messages: [{ ...contents, packetId: 3 }] }]);
  await inflight.hold(first, [{ packetId: 7, id: 'event.7', holder: first, message: message('a/b') }]);
  await inflight.putQos2Records([{ session: first, id: 'event.7', number: 1, done: false }]);
  await requests.begin('key', 'fingerprint');
  await logins.secret();
  const attempt = { username: 'kitchen', clientId: 'kitchen', source: '192.0.2.1', now };
  await logins.addFailure(attempt, { windowMilliseconds: 60_000, maxSharedPerPair: 5 }, 0);
  await logins.remember({ ...attempt, source: '192.0.2.2' }, { known: 'key', forgotten: [], expiresAt: now });
  await directory.create({ username: 'kitchen', passwordHash: 'hash', rules: [] });
  const { accountSessions, usages } = stores();
  await accountSessions.add('user#kitchen', 'kitchen');
  await usages.write('user#kitchen', { debt: 1, at: now });
  await inflight.keepUnreleased(first, [7]);
  await seats.acquire({ account: 'user:kitchen', clientId: 'kitchen', connectionId: 'a' }, now);
  await watch.add('kitchen', now);
  await shapeChecks.request(['L+']);
}

async function rowsOf(name: TableName): Promise<Row[]> {
  const { Items = [] } = await engine.client().send(new ScanCommand({ TableName: engine.table(name) }));
  return Items.filter((item) => item.filter?.S !== shapesKey.filter?.S);
}

/** Returns the kind of an item by its key, in the words of docs/architecture.md. */
function kindOf(name: TableName, item: Row): string {
  const { partitionKey, sortKey }: TableSchema = tables[name];
  const [partition, sort] = [item[partitionKey]?.S ?? '', (sortKey && item[sortKey]?.S) ?? ''];
  if (item.requestedAt) return 'shape check';
  if (name === 'connections') return item.pending ? 'connections pending' : 'connections';
  if (name === 'inflight')
    return partition.startsWith('request#') ? 'request' : `inflight ${sort.startsWith('usage') ? sort : sort[0]}`;
  if (name === 'topicIndex') return name;
  if (name === 'retained') return `retained ${partition.split('#')[0]}`;
  if (name === 'accounts') return `accounts ${partition === 'watch' ? partition : sort}`;
  return `${name} ${sort.split('#')[0]}`;
}

/** The first version that this release does not know. */
function newer(name: TableName): Row {
  return { v: { N: String(schemaVersions[name].read + 1) } };
}

async function put(name: TableName, Item: Row): Promise<void> {
  await engine.client().send(new PutItemCommand({ TableName: engine.table(name), Item }));
}

async function get(name: TableName, Key: Row): Promise<Row> {
  const command = new GetItemCommand({ TableName: engine.table(name), Key, ConsistentRead: true });
  return (await engine.client().send(command)).Item ?? {};
}

describe('the schema version of an item', () => {
  it('is in every item of every kind that is written', async () => {
    await writeEverything();

    const names = Object.keys(tables) as TableName[];
    const rows = await Promise.all(
      names.map(async (name) => (await rowsOf(name)).map((item) => ({ kind: kindOf(name, item), name, v: item.v?.N }))),
    );
    expect([...new Set(rows.flat().map(({ kind }) => kind))].sort()).toEqual([
      'accounts account',
      'accounts watch',
      'connections',
      'connections pending',
      'inflight i',
      'inflight o',
      'inflight u',
      'inflight usage',
      'inflight x',
      'logins failures',
      'logins seat',
      'logins secret',
      'request',
      'retained count',
      'retained first',
      'retained last',
      'retained levels',
      'sessions head',
      'sessions session',
      'sessions sub',
      'sessions will',
      'shape check',
      'topicIndex',
    ]);
    expect(rows.flat().filter(({ name, v }) => v !== String(schemaVersions[name].written))).toEqual([]);
  });

  it('is in what the handshake writes without the commands of the SDK', () => {
    expect(pendingItem(pending).v).toEqual({ N: String(schemaVersions.connections.written) });
  });

  it('is checked by every store: none has a client that it did not wrap', () => {
    const room = join(__dirname, '../../lambdas/storage');
    const stores = readdirSync(room).filter((name) =>
      /^export class Dynamo/m.test(readFileSync(join(room, name), 'utf8')),
    );
    const unwrapped = stores.filter((name) => !readFileSync(join(room, name), 'utf8').includes('= versioned('));

    expect(stores.length).toBeGreaterThan(10);
    // Tested above, in test/storage/connection-list.test.ts and in stored-rows.test.ts.
    expect(unwrapped).toEqual(['connection-list.ts', 'pending-connections.ts', 'stored-rows.ts']);
  });

  it('is one that this release reads too, so that it can read what it has written', () => {
    for (const { written, read } of Object.values(schemaVersions)) expect(read).toBeGreaterThanOrEqual(written);
  });
});

describe('an item with a newer schema version', () => {
  it('cannot be read, and the error names the remedy', async () => {
    const { connections } = stores();
    await put('connections', { ...connectionKey('newer'), ...newer('connections') });

    await expect(connections.read('newer')).rejects.toThrow(
      'an item of table connections has schema version 3, but this release reads versions up to 2: deploy the release that wrote it, or a later one',
    );
  });

  it.each([
    ['alone', () => stores().sessions.read('later')],
    ['in a batch', () => stores().sessions.readMany(['later', 'nobody'])],
    ['in a batch over several tables', () => stores().lookup.read('nobody', ['later'])],
    ['in a scan', () => stores().clients.list({ limit: 100 })],
    ['in a query', () => stores().index.subscribers('later/+')],
    ['in a page of a list', () => stores().retainedMessages.list('later/#', { limit: 10 })],
  ])('is refused %s', async (_, read) => {
    await put('sessions', { ...sessionKey('later'), ...newer('sessions') });
    await put('topicIndex', { filter: { S: 'later/+' }, clientId: { S: 'later' }, ...newer('topicIndex') });
    await put('retained', { bucket: { S: 'first#later' }, topic: { S: 'later/a' }, ...newer('retained') });

    await expect(read()).rejects.toThrow(NewerSchemaVersionError);
  });

  it('is not changed by any operation on a session that was not read', async () => {
    const { sessions } = stores();
    const fresh = { clientId: { S: 'kept' }, session: { S: first }, fence: { S: first }, owner: { S: 'a' } };
    const numbers = { outSeq: { N: '4' }, free: { N: '100' } };
    const sessionItem = { ...sessionKey('kept'), ...fresh, ...numbers, ...newer('sessions') };
    await put('sessions', sessionItem);

    expect(await sessions.claimFresh(claim('kept', second))).toBe('refused');
    expect(await sessions.reserve('kept', first, 1)).toBe('refused');
    expect(await sessions.requestWake('kept', 'a')).toBe('gone');
    await sessions.release('kept', first);

    expect(await get('sessions', sessionKey('kept'))).toEqual(sessionItem);
  });

  it('is replaced by a whole item, which has the older version again', async () => {
    const key = { bucket: { S: 'first#over' }, topic: { S: 'over/a' } };
    await put('retained', { ...key, ...newer('retained'), shape: { S: 'unknown' } });

    await retain(stores().retained, message('over/a', 'on'));

    const item = await get('retained', key);
    expect(item.v).toEqual({ N: '2' });
    expect(item).not.toHaveProperty('shape');
  });
});
