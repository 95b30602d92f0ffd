import type { Socket } from 'node:net';
import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  ListTablesCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { DynamoDb } from '../../lambdas/aws/dynamodb';
import { LeanDynamoDb } from '../../lambdas/aws/lean/lean-dynamodb';
import { type Cloud, startCloud } from '../../local/cloud';
import { reply, ScriptedServer } from '../support/scripted-server';
import { withoutPauses } from '../support/without-pauses';

const region = 'us-east-1';
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
const kinds = ['the small client', "the SDK's client"] as const;
type Kind = (typeof kinds)[number];

function clientOf(kind: Kind, endpoint: string, maxAttempts = 5): DynamoDb {
  const options = { endpoint, region, credentials, maxAttempts };
  return kind === 'the small client' ? new LeanDynamoDb(options) : new DynamoDBClient(options);
}

const TableName = 'cirrus-sessions';
const bytes = Buffer.from([0, 1, 127, 128, 255]);
const item = (id: string, part = 'head') => ({
  id: { S: id },
  part: { S: part },
  B: { B: bytes },
  N: { N: '7' },
  deep: { M: { B: { B: bytes }, list: { L: [{ BOOL: true }, { B: bytes }] } } },
  words: { S: 'ü "B": "AAAA"' },
});
const key = (id: string, part = 'head') => ({ id: { S: id }, part: { S: part } });

/** Output of a call without the metadata of the SDK. Bytes become numbers, whatever class they have. */
async function outputOf(output: Promise<object>): Promise<unknown> {
  const { $metadata: _metadata, ...rest } = (await output) as { $metadata?: unknown };
  return plain(rest);
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: [...value] };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, of]) => (of === undefined ? [] : [[name, plain(of)]])),
  );
}

describe.each(kinds)('%s', (kind) => {
  withoutPauses();
  let cloud: Cloud;
  let db: DynamoDb;
  let once: DynamoDb;
  beforeAll(async () => {
    cloud = await startCloud({ containers: 1 });
    db = clientOf(kind, cloud.endpoints.dynamodb);
    once = clientOf(kind, cloud.endpoints.dynamodb, 1);
  });
  afterEach(() => cloud.faults.clear());
  afterAll(() => cloud.stop());

  const struck = () => cloud.faults.report()[0]?.struck;

  it('scans a table page by page', async () => {
    for (const id of ['scan 1', 'scan 2', 'scan 3']) await db.send(new PutItemCommand({ TableName, Item: item(id) }));
    const found: string[] = [];
    let ExclusiveStartKey: Record<string, { S: string }> | undefined;
    do {
      const page = await db.send(new ScanCommand({ TableName, Limit: 1, ExclusiveStartKey }));
      found.push(...(page.Items ?? []).map(({ id }) => id?.S ?? ''));
      ExclusiveStartKey = page.LastEvaluatedKey as typeof ExclusiveStartKey;
    } while (ExclusiveStartKey);

    expect(found.filter((id) => id.startsWith('scan')).sort()).toEqual(['scan 1', 'scan 2', 'scan 3']);
  });

  it('puts and gets every type, including bytes', async () => {
    await expect(outputOf(db.send(new PutItemCommand({ TableName, Item: item('typed') })))).resolves.toEqual({});

    const output = await outputOf(db.send(new GetItemCommand({ TableName, Key: key('typed'), ConsistentRead: true })));

    expect(output).toEqual({ Item: plain(item('typed')) });
  });

  it('returns bytes as a Uint8Array', async () => {
    await db.send(new PutItemCommand({ TableName, Item: item('bytes') }));

    const { Item } = await db.send(new GetItemCommand({ TableName, Key: key('bytes') }));

    expect(Item?.B?.B).toBeInstanceOf(Uint8Array);
  });

  it('returns no item if there is none', async () => {
    const absent = { TableName, Key: key('absent') };

    expect(await outputOf(db.send(new GetItemCommand(absent)))).toEqual({});
    expect(await outputOf(db.send(new DeleteItemCommand({ ...absent, ReturnValues: 'ALL_OLD' })))).toEqual({});
    const none = await outputOf(
      db.send(
        new QueryCommand({
          TableName,
          KeyConditionExpression: 'id = :id',
          ExpressionAttributeValues: { ':id': { S: 'absent' } },
        }),
      ),
    );
    expect(none).toEqual({ Items: [], Count: 0, ScannedCount: 0 });
    const batch = { RequestItems: { [TableName]: { Keys: [key('absent')] } } };
    const found = await outputOf(db.send(new BatchGetItemCommand(batch)));
    expect(found).toEqual({ Responses: { [TableName]: [] }, UnprocessedKeys: {} });
  });

  it('returns old and new attributes of an update', async () => {
    const update = new UpdateItemCommand({
      TableName,
      Key: key('counted'),
      UpdateExpression: 'ADD n :one SET B = :bytes',
      ExpressionAttributeValues: { ':one': { N: '1' }, ':bytes': { B: bytes } },
      ReturnValues: 'ALL_NEW',
    });
    await db.send(update);

    const expected = plain({ ...key('counted'), n: { N: '2' }, B: { B: bytes } });
    expect(await outputOf(db.send(update))).toEqual({ Attributes: expected });
    const removal = new DeleteItemCommand({ TableName, Key: key('counted'), ReturnValues: 'ALL_OLD' });
    expect(await outputOf(db.send(removal))).toEqual({ Attributes: expected });
  });

  it('writes, queries and reads in batches, page by page', async () => {
    const parts = ['a', 'b', 'c'];
    const requests = parts.map((part) => ({ PutRequest: { Item: item('many', part) } }));
    const written = await outputOf(db.send(new BatchWriteItemCommand({ RequestItems: { [TableName]: requests } })));
    expect(written).toEqual({ UnprocessedItems: {} });

    const query = {
      TableName,
      KeyConditionExpression: 'id = :id',
      ExpressionAttributeValues: { ':id': { S: 'many' } },
      Limit: 2,
    };
    const first = await db.send(new QueryCommand(query));
    const rest = await db.send(new QueryCommand({ ...query, ExclusiveStartKey: first.LastEvaluatedKey }));
    expect(first.LastEvaluatedKey).toEqual(key('many', 'b'));
    expect(plain([...(first.Items ?? []), ...(rest.Items ?? [])])).toEqual(parts.map((p) => plain(item('many', p))));

    const Keys = parts.map((part) => key('many', part));
    const { Responses } = await db.send(new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys } } }));
    expect(plain(Responses?.[TableName])).toEqual(expect.arrayContaining(parts.map((p) => plain(item('many', p)))));
  });

  it('returns the unprocessed items of a batch, bytes as bytes', async () => {
    await cloud.faults.set({ fault: 'call', service: 'dynamodb', outcome: 'partial', times: 1 });
    const requests = ['a', 'b'].map((part) => ({ PutRequest: { Item: item('half', part) } }));

    const { UnprocessedItems } = await db.send(new BatchWriteItemCommand({ RequestItems: { [TableName]: requests } }));

    expect(plain(UnprocessedItems)).toEqual({ [TableName]: [plain(requests[1])] });
  });

  it('throws the error class of the SDK if a condition fails, at the first attempt', async () => {
    const impossible = { TableName, Key: key('nobody'), ConditionExpression: 'attribute_exists(id)' };
    const before = (await cloud.bill()).dynamodb.calls;

    const error = await db.send(new DeleteItemCommand(impossible)).catch((reason: unknown) => reason);

    expect(error).toBeInstanceOf(ConditionalCheckFailedException);
    expect(error).toMatchObject({
      name: 'ConditionalCheckFailedException',
      message: 'The conditional request failed',
      $metadata: { httpStatusCode: 400 },
    });
    expect((await cloud.bill()).dynamodb.calls - before).toBe(1);
  });

  it.each([
    ['ResourceNotFoundException', new GetItemCommand({ TableName: 'no-such-table', Key: key('x') })],
    ['ValidationException', new GetItemCommand({ TableName, Key: { id: { S: 'x' } } })],
  ])("throws other errors under the service's name: %s", async (name, command) => {
    await expect(db.send(command)).rejects.toMatchObject({ name, message: expect.stringMatching(/./) });
  });

  it.each(['throttle', 'fail'] as const)('repeats a call that meets a %s until it succeeds', async (outcome) => {
    await cloud.faults.set({ fault: 'call', service: 'dynamodb', outcome, times: 3 });

    await expect(outputOf(db.send(new GetItemCommand({ TableName, Key: key('absent') })))).resolves.toEqual({});
    expect(struck()).toBe(3);
  });

  it.each([
    ['throttle', 'ProvisionedThroughputExceededException'],
    ['fail', 'InternalServerError'],
  ] as const)('throws after five attempts that met a %s', async (outcome, name) => {
    await cloud.faults.set({ fault: 'call', service: 'dynamodb', outcome });

    await expect(db.send(new GetItemCommand({ TableName, Key: key('x') }))).rejects.toMatchObject({ name });
    expect(struck()).toBe(5);
  });

  it.each(['throttle', 'fail'] as const)('does not repeat a call after a %s if it has one attempt', async (outcome) => {
    await cloud.faults.set({ fault: 'call', service: 'dynamodb', outcome, times: 1 });

    await expect(once.send(new GetItemCommand({ TableName, Key: key('x') }))).rejects.toThrow();
    expect(struck()).toBe(1);
  });
});

describe('a call whose connection fails', () => {
  let server: ScriptedServer;
  afterEach(() => server.stop());
  const lean = (maxAttempts: number) => clientOf('the small client', server.origin, maxAttempts);
  const get = new GetItemCommand({ TableName, Key: key('x') });
  /** Responds to the first request and resets the connection at the second, like a connection that was closed while idle. */
  const closesIdle = (request: number, socket: Socket) => {
    if (request === 2) socket.resetAndDestroy();
    else reply(socket);
  };

  it('is not repeated if it has one attempt', async () => {
    server = await ScriptedServer.start(closesIdle);
    const db = lean(1);
    await db.send(get);

    await expect(db.send(get)).rejects.toThrow();
    expect(server.requests).toBe(2);
  });

  it('is repeated while attempts are left', async () => {
    server = await ScriptedServer.start((request, socket) => (request < 3 ? socket.resetAndDestroy() : reply(socket)));

    await expect(lean(5).send(get)).resolves.toEqual({});
    expect(server.requests).toBe(3);
  });

  it('fails with the HTTP status if a proxy on the way has responded', async () => {
    server = await ScriptedServer.start((_request, socket) => reply(socket, '<html>', '403 Forbidden'));

    await expect(lean(5).send(get)).rejects.toMatchObject({ name: 'HTTP 403', status: 403 });
    expect(server.requests).toBe(1);
  });

  it('is refused if the stores do not use the command', async () => {
    server = await ScriptedServer.start((_request, socket) => reply(socket));

    await expect(lean(5).send(new ListTablesCommand({}))).rejects.toThrow('ListTablesCommand');
    expect(server.requests).toBe(0);
  });
});

/** Concurrent, because each takes the five seconds of the timeout. */
it.concurrent.each([
  ['nothing comes back', ''],
  ['its response stops in the middle', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{'],
])('a call fails when %s', async (_title, bytes) => {
  const silent = await ScriptedServer.start((_request, socket) => socket.write(bytes));
  try {
    const call = clientOf('the small client', silent.origin, 1).send(new GetItemCommand({ TableName, Key: key('x') }));

    await expect(call).rejects.toThrow('no response within 5000 ms');
    expect(silent.requests).toBe(1);
  } finally {
    await silent.stop();
  }
});
