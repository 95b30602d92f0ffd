import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { functions } from '../../lambdas/deployment';
import { callerOf, callerParts } from '../../local/aws-call';
import { type Cloud, startCloud } from '../../local/cloud';
import { signedHeaders } from '../../local/http-api/signature-check';
import { TestBroker } from '../support/test-broker';
import { fixtures } from './support';

let embedded: Cloud;
beforeAll(async () => {
  embedded = await startCloud({ functions: fixtures });
});
afterAll(() => embedded.stop());

/** Another DynamoDB: the embedded one behind the handler of a test, which may pass a request on or not respond. */
class OtherDynamoDb {
  private constructor(private readonly server: Server) {}

  static async start(
    answer: (request: OtherRequest, response: ServerResponse) => void | Promise<void>,
  ): Promise<OtherDynamoDb> {
    const server = createServer((request, response) => {
      read(request).then((whole) => answer(whole, response));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new OtherDynamoDb(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

interface OtherRequest {
  readonly operation: string;
  readonly keyId: string;
  readonly region: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

async function read(request: IncomingMessage): Promise<OtherRequest> {
  const { authorization = '', 'x-amz-target': target = '' } = request.headers as Record<string, string>;
  const [keyId = '', , region = ''] = (/Credential=([^,]*)/.exec(authorization)?.[1] ?? '').split('/');
  const operation = target.slice(target.indexOf('.') + 1);
  return { operation, keyId, region, headers: { authorization, 'x-amz-target': target }, body: await buffer(request) };
}

async function passOn({ headers, body }: OtherRequest, response: ServerResponse): Promise<void> {
  const url = embedded.endpoints.dynamodb;
  const unsigned = { host: new URL(url).host, 'x-amz-target': headers['x-amz-target'] ?? '' };
  const signed = signedHeaders('dynamodb', { method: 'POST', url: '/', headers: unsigned, body });
  const answer = await fetch(url, { method: 'POST', headers: signed, body });
  reply(response, answer.status, await answer.text());
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
}

const refusedKey = {
  __type: 'com.amazonaws.coral.service#UnrecognizedClientException',
  message: 'The Access Key ID or security token is invalid.',
};

describe('an access key id of a container', () => {
  it.each(Object.keys(functions) as (keyof typeof functions)[])('has letters and digits only: %s', (name) => {
    expect(callerOf(name, 10)).toMatch(/^[A-Za-z0-9]+$/);
    expect(callerParts(callerOf(name, 10))).toEqual({ name, number: 10 });
  });

  it.each(['local', 'local0', 'local0nothing1', 'test'])('is not %s', (keyId) => {
    expect(callerParts(keyId)).toBeUndefined();
  });
});

describe('another DynamoDB than the embedded one', () => {
  let other: OtherDynamoDb;
  afterEach(() => other.stop());

  it('may refuse access key ids that are not letters and digits, and keep a database for each of them', async () => {
    const databases = new Set<string>();
    other = await OtherDynamoDb.start((request, response) => {
      databases.add(`${request.keyId} ${request.region}`);
      return /^[A-Za-z0-9]+$/.test(request.keyId) ? passOn(request, response) : reply(response, 400, refusedKey);
    });
    const broker = await TestBroker.start({ dynamodb: other.url });
    try {
      const client = await broker.connect('client');
      await client.subscribe(1, 'a');
      await client.publish('a', 'hello', { qos: 1 });

      expect(await client.hear()).toMatchObject({ text: 'hello' });
      expect([...databases]).toEqual(['local us-east-1']);
    } finally {
      await broker.stop();
    }
  });

  it.each<[string, (request: OtherRequest, response: ServerResponse) => void, RegExp]>([
    [
      'refuses its calls',
      (_request, response) => reply(response, 400, refusedKey),
      /CreateTable of cirrus-connections: 400 UnrecognizedClientException: The Access Key ID or security token is invalid/,
    ],
    [
      'refuses to say what a table is like',
      (request, response) =>
        request.operation === 'DescribeTable' ? reply(response, 400, refusedKey) : passOn(request, response),
      /DescribeTable of cirrus-connections: 400 UnrecognizedClientException/,
    ],
    [
      'is a web page',
      (_request, response) => reply(response, 200, '<html>welcome</html>'),
      /CreateTable of cirrus-connections: 200 <html>welcome<\/html>/,
    ],
    ['is an error page', (_request, response) => reply(response, 502, 'Bad Gateway'), /502 Bad Gateway/],
    [
      'breaks off',
      (_request, response) => {
        response.writeHead(200, { 'content-length': '10' }).write('{');
        setImmediate(() => response.destroy());
      },
      /CreateTable of cirrus-connections: .*(aborted|ECONNRESET)/,
    ],
  ])('keeps the cloud from starting when it %s', async (_what, answer, message) => {
    other = await OtherDynamoDb.start(answer);

    const start = startCloud({ functions: fixtures, dynamodb: other.url });

    await expect(start).rejects.toThrow(`the DynamoDB at ${other.url} cannot be used: `);
    await expect(start).rejects.toThrow(message);
  });

  it('keeps the cloud from starting when a table of that name has other keys', async () => {
    other = await OtherDynamoDb.start(async (request, response) => {
      const body = request.body.toString().replace('cirrus-', 'renamed-');
      await passOn({ ...request, body: Buffer.from(body) }, response);
    });
    const client = new DynamoDBClient({
      endpoint: other.url,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
    await client.send(
      new CreateTableCommand({
        TableName: 'cirrus-sessions',
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [{ AttributeName: 'name', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'name', KeyType: 'HASH' }],
      }),
    );

    await expect(startCloud({ functions: fixtures, dynamodb: other.url })).rejects.toThrow(
      'table cirrus-sessions has the key name, but must have id, part',
    );
  });

  it('is waited for while it creates a table', async () => {
    let asked = 0;
    other = await OtherDynamoDb.start(async (request, response) => {
      if (request.operation !== 'DescribeTable' || ++asked > 3) return passOn(request, response);
      const { TableName } = JSON.parse(request.body.toString()) as { TableName: string };
      const KeySchema = [{ AttributeName: 'connectionId', KeyType: 'HASH' }];
      reply(response, 200, { Table: { TableName, KeySchema, TableStatus: 'CREATING' } });
    });

    const cloud = await startCloud({ functions: fixtures, dynamodb: other.url });
    await cloud.stop();

    expect(asked).toBeGreaterThan(3);
  });
});

/** Takes the ten seconds that an endpoint has for a response. */
it('a DynamoDB that does not respond keeps the cloud from starting', async () => {
  const silent = await OtherDynamoDb.start(() => undefined);
  try {
    await expect(startCloud({ functions: fixtures, dynamodb: silent.url })).rejects.toThrow(
      `the DynamoDB at ${silent.url} cannot be used: CreateTable of cirrus-connections: no response within 10 s`,
    );
  } finally {
    await silent.stop();
  }
});
