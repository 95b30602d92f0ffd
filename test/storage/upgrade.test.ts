import {
  type AttributeValue,
  BatchWriteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { hashPassword } from '../../lambdas/access/password-hash';
import { sessionForever } from '../../lambdas/protocol/effects';
import { accountItem } from '../../lambdas/storage/account-item';
import { DynamoConnectionStore } from '../../lambdas/storage/connection-store';
import { tables as schema } from '../../lambdas/storage/schema';
import { schemaVersions } from '../../lambdas/storage/schema-version';
import { sessionKey } from '../../lambdas/storage/session-item';
import { DynamoSessionStore } from '../../lambdas/storage/session-store';
import { tablePrefix } from '../../local/lambda/environment';
import { tables } from '../fixtures/state-0.1.json';
import { GuardedBroker } from '../support/guarded-broker';
import { TestBroker } from '../support/test-broker';

type Stored = Record<string, { readonly B?: string }>;

/** The tables as an older release left them. */
async function restore(db: DynamoDBClient): Promise<void> {
  // Deadlines had a table of their own, which is no longer read.
  for (const [name, items] of Object.entries<readonly object[]>(tables).filter(([name]) => name in schema)) {
    const requests = (items as readonly Stored[]).map((item) => ({ PutRequest: { Item: withBytes(item) } }));
    await db.send(new BatchWriteItemCommand({ RequestItems: { [tablePrefix + name]: requests } }));
  }
}

/** JSON has binary values in base64. */
function withBytes(item: Stored): Record<string, AttributeValue> {
  const entries = Object.entries(item).map(([name, value]) => [
    name,
    value.B === undefined ? value : { B: Buffer.from(value.B, 'base64') },
  ]);
  return Object.fromEntries(entries);
}

describe('what release 0.1 has written', () => {
  let broker: TestBroker;
  let db: DynamoDBClient;

  beforeEach(async () => {
    broker = await TestBroker.start();
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    db = new DynamoDBClient({ endpoint: broker.cloud.endpoints.dynamodb, region: 'us-east-1', credentials });
    await restore(db);
  });
  afterEach(() => broker.stop());

  it('is a connection whose session outlives it, without what MQTT 5.0 and accounts have brought', async () => {
    const connections = new DynamoConnectionStore(db, `${tablePrefix}connections`);

    expect(await connections.read('YOP8M0fs83Q--lU=')).toMatchObject({
      clientId: 'online',
      version: 4,
      sessionExpiry: sessionForever,
      capabilities: {},
      identity: { kind: 'anonymous' },
      unreleased: new Set(),
      isCounted: false,
    });
  });

  it('is a session without limits of its client and without an owner', async () => {
    const head = await new DynamoSessionStore(db, `${tablePrefix}sessions`).read('device');

    expect(head).toMatchObject({ persistent: true, outSeq: 4, capabilities: {}, identity: { kind: 'anonymous' } });
    expect(head).not.toHaveProperty('owner');
    expect(head).not.toHaveProperty('expiresAt');
  });

  it('is delivered: the subscriptions apply, and queued messages come in order', async () => {
    const device = await broker.resume('device');
    const waiting = [await device.hear(), await device.hear(), await device.hear(), await device.hear()];
    await (await broker.connect('publisher')).publish('commands/new', 'fifth', { qos: 1 });

    expect(device.connack).toMatchObject({ sessionPresent: true });
    expect(waiting.map(({ text, qos }) => [text, qos])).toEqual([
      ['first', 1],
      ['second', 1],
      ['third', 1],
      ['once', 2],
    ]);
    expect(await device.hear()).toMatchObject({ text: 'fifth' });
  });

  it('is retained', async () => {
    const client = await broker.connect('client');
    await client.subscribe(1, 'state/+');

    expect(await client.hear()).toMatchObject({ topic: 'state/lamp', text: 'on', retain: true });
  });

  it('is a QoS 2 message between PUBLISH and PUBREL, which its client releases', async () => {
    const device = await broker.resume('device');
    for (let count = 0; count < 4; count++) await device.hear();
    const half = await broker.resume('half');
    half.send({ cmd: 'pubrel', messageId: 7 });
    await half.next('pubcomp');

    expect(await device.hear()).toMatchObject({ topic: 'exact/half', text: 'released later', qos: 2 });
  });

  it('is a connection that was lost meanwhile: it is found, its will published, its session stays', async () => {
    await broker.cloud.runSchedule();
    await broker.cloud.settled();
    const device = await broker.resume('device');
    const heard = [];
    for (let count = 0; count < 5; count++) heard.push((await device.hear()).text);
    const online = await broker.resume('online');

    expect(heard.sort()).toEqual(['first', 'lost', 'once', 'second', 'third']);
    expect(online.connack).toMatchObject({ sessionPresent: true });
  });
});

describe('an account with a client id that the release before has added', () => {
  it('connects, ends the session of another account, and owns the client id from then on', async () => {
    const guarded = await GuardedBroker.start({ anonymous: 'by-rules' });
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const db = new DynamoDBClient({ endpoint: guarded.cloud.endpoints.dynamodb, region: 'us-east-1', credentials });
    for (const bound of [{ clientId: 'kitchen-1' }, { clientIdPrefix: 'house-' }]) {
      const username = Object.keys(bound)[0]!;
      const Item = accountItem({ username, passwordHash: await hashPassword('secret'), rules: [], ...bound });
      await db.send(new PutItemCommand({ TableName: `${tablePrefix}accounts`, Item }));
    }
    for (const [clientId, username] of [
      ['kitchen-1', 'clientId'],
      ['house-1', 'clientIdPrefix'],
    ] as const) {
      await guarded.broker.leave(await guarded.broker.resume(clientId));
      const owner = await guarded.broker.connect(clientId, { username, password: Buffer.from('secret') });
      expect(owner.connack).toMatchObject({ reasonCode: 0, sessionPresent: false });
      await guarded.broker.leave(owner);
      expect((await guarded.broker.connect(clientId)).connack).toMatchObject({ reasonCode: 0x85 });
    }
    db.destroy();
    await guarded.stop();
  });
});

describe('what a later release has written, after it was rolled back', () => {
  let broker: TestBroker;
  let db: DynamoDBClient;

  beforeEach(async () => {
    broker = await TestBroker.start({ visibilitySeconds: 0.2 });
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    db = new DynamoDBClient({ endpoint: broker.cloud.endpoints.dynamodb, region: 'us-east-1', credentials });
  });
  afterEach(() => broker.stop());

  /** Sets the schema version of a session item. */
  async function setVersion(clientId: string, version: number): Promise<void> {
    const ExpressionAttributeValues = { ':version': { N: String(version) } };
    const UpdateExpression = 'SET v = :version';
    const Key = sessionKey(clientId);
    const TableName = `${tablePrefix}sessions`;
    await db.send(new UpdateItemCommand({ TableName, Key, UpdateExpression, ExpressionAttributeValues }));
  }

  async function headItem(clientId: string) {
    return (await db.send(new GetItemCommand({ TableName: `${tablePrefix}sessions`, Key: sessionKey(clientId) }))).Item;
  }

  it.each([
    ['resume', false],
    ['replace', true],
  ])('is no session to %s, and waits unchanged for the release that knows it', async (_what, clean) => {
    const device = await broker.resume('device');
    await device.subscribe(1, 'commands/+');
    await broker.lose(device);
    await (await broker.connect('publisher')).publish('commands/a', 'kept', { qos: 1 });
    await broker.cloud.settled();
    await setVersion('device', schemaVersions.sessions.read + 1);
    const before = await headItem('device');

    const refused = await broker.open();
    refused.send({ cmd: 'connect', clientId: 'device', clean, keepalive: 60, protocolId: 'MQTT', protocolVersion: 4 });
    await refused.closed();
    await broker.cloud.settled();

    expect(await headItem('device')).toEqual(before);
    expect(broker.logged('turn failed').map(({ error }) => error)).toContainEqual(
      expect.stringContaining('NewerSchemaVersionError: an item of table sessions has schema version 3'),
    );

    await setVersion('device', schemaVersions.sessions.written); // the later release is deployed again, and knows it
    const back = await broker.resume('device');
    expect(back.connack).toMatchObject({ sessionPresent: true });
    expect(await back.hear()).toMatchObject({ text: 'kept' });
  });
});
