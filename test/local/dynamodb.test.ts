import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { tables } from '../../lambdas/storage/schema';
import { startCloud } from '../../local/cloud';
import { signedHeaders } from '../../local/http-api/signature-check';
import { fixtures, TestCloud } from './support';

describe('DynamoDB', () => {
  let test: TestCloud;
  let dynamodb: ReturnType<TestCloud['dynamodb']>;
  beforeAll(async () => {
    test = await TestCloud.start();
    dynamodb = test.dynamodb();
  });
  afterAll(() => test.cloud.stop());

  const key = (id: string) => ({ TableName: 'cirrus-sessions', Key: { id: { S: id }, part: { S: 'head' } } });

  it('has the tables of the schema', async () => {
    const { TableNames } = await dynamodb.listTables({});
    expect(TableNames).toEqual(
      Object.keys(tables)
        .map((table) => `cirrus-${table}`)
        .sort(),
    );
    const { Table } = await dynamodb.describeTable({ TableName: 'cirrus-sessions' });
    expect(Table!.KeySchema).toEqual([
      { AttributeName: 'id', KeyType: 'HASH' },
      { AttributeName: 'part', KeyType: 'RANGE' },
    ]);
  });

  it('prices every call by operation and table, failed conditions too', async () => {
    await test.cloud.resetBill();
    const Item = { ...key('priced').Key, text: { S: 'x'.repeat(1500) } };
    await dynamodb.putItem({ TableName: 'cirrus-sessions', Item });
    await dynamodb.getItem(key('priced'));
    await dynamodb.getItem({ ...key('priced'), ConsistentRead: true });
    const onlyNew = { TableName: 'cirrus-sessions', Item, ConditionExpression: 'attribute_not_exists(id)' };
    await expect(dynamodb.putItem(onlyNew)).rejects.toThrow('conditional request failed');
    await dynamodb.batchWriteItem({
      RequestItems: {
        'cirrus-sessions': [{ PutRequest: { Item: key('b').Key } }, { DeleteRequest: { Key: key('c').Key } }],
      },
    });

    const { dynamodb: bill } = await test.cloud.bill();
    expect(bill).toMatchObject({ reads: 1.5, writes: 5, calls: 5 });
    expect(bill.tables).toEqual({
      sessions: {
        PutItem: { calls: 2, reads: 0, writes: 3 },
        GetItem: { calls: 2, reads: 1.5, writes: 0 },
        BatchWriteItem: { calls: 1, reads: 0, writes: 2 },
      },
    });
  });

  it('returns consumed capacity only to callers that request it', async () => {
    expect(await dynamodb.getItem(key('a'))).not.toHaveProperty('ConsumedCapacity');
    const asking = await dynamodb.getItem({ ...key('a'), ReturnConsumedCapacity: 'TOTAL' });
    expect(asking.ConsumedCapacity).toMatchObject({ CapacityUnits: 0.5 });
  });

  it('can be any other endpoint', async () => {
    const other = await startCloud({ functions: fixtures, dynamodb: test.cloud.endpoints.dynamodb });
    try {
      const item = { ...key('shared').Key };
      await new TestClient(other.endpoints.dynamodb).put(item);
      expect((await dynamodb.getItem({ ...key('shared'), ConsistentRead: true })).Item).toEqual(item);
      expect((await other.bill()).dynamodb.writes).toBe(1);
    } finally {
      await other.stop();
    }
  });

  it('fails as DynamoDB does while another endpoint is away, so that callers try again', async () => {
    const line = await CuttableLine.to(test.cloud.endpoints.dynamodb);
    const other = await startCloud({ functions: fixtures, dynamodb: line.address });
    try {
      const client = new TestClient(other.endpoints.dynamodb);
      line.cut();
      const failed = await client.put(key('later').Key);
      expect(failed.status).toBe(500);
      expect(await failed.json()).toMatchObject({
        __type: 'com.amazonaws.dynamodb.v20120810#InternalServerError',
        message: expect.stringMatching(/ECONNREFUSED|ECONNRESET|socket hang up/),
      });
      await line.mend();
      expect((await client.put(key('later').Key)).status).toBe(200);
    } finally {
      await other.stop();
      line.cut();
    }
  });

  it('refuses to start on an endpoint that does not respond', async () => {
    await expect(startCloud({ functions: fixtures, dynamodb: 'http://127.0.0.1:9' })).rejects.toThrow('ECONNREFUSED');
  });
});

/** A minimal request of DynamoDB. */
class TestClient {
  constructor(private readonly endpoint: string) {}

  async put(Item: unknown): Promise<Response> {
    const body = Buffer.from(JSON.stringify({ TableName: 'cirrus-sessions', Item }));
    const unsigned = { host: new URL(this.endpoint).host, 'x-amz-target': 'DynamoDB_20120810.PutItem' };
    const headers = signedHeaders('dynamodb', { method: 'POST', url: '/', headers: unsigned, body });
    return fetch(this.endpoint, { method: 'POST', headers, body });
  }
}

/** A proxy of an endpoint that can be cut. */
class CuttableLine {
  private readonly sockets = new Set<Socket>();
  private server: Server | undefined;
  private port = 0;

  private constructor(private readonly target: URL) {}

  static async to(endpoint: string): Promise<CuttableLine> {
    const line = new CuttableLine(new URL(endpoint));
    await line.mend();
    return line;
  }

  get address(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  cut(): void {
    this.server?.close();
    for (const socket of this.sockets) socket.destroy();
  }

  async mend(): Promise<void> {
    this.server = createServer((near) => {
      const far = connect(Number(this.target.port), this.target.hostname);
      for (const socket of [near, far]) this.sockets.add(socket.on('error', () => undefined));
      near.pipe(far).pipe(near);
    }).listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = (this.server.address() as AddressInfo).port;
  }
}
