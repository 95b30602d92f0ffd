import { randomBytes } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { type TableName, tables } from '../../../lambdas/storage/schema';
import type { Backend, DynamoDbResponse } from '../../../local/dynamodb/backend';
import { createTables } from '../../../local/dynamodb/create-tables';
import { DynamoDbFront } from '../../../local/dynamodb/dynamodb-front';
import { embeddedBackend } from '../../../local/dynamodb/embedded-backend';
import { remoteBackend } from '../../../local/dynamodb/remote-backend';
import { ChanceMemory } from '../../../local/fault-rules';

/** Another DynamoDB to run the contract tests on, for example `http://127.0.0.1:8000`. */
const endpoint = process.env.DYNAMODB_ENDPOINT;

const credentials = { accessKeyId: 'contract', secretAccessKey: 'contract' };
const region = 'us-east-1';
/** Some engines separate the tables of different credentials. */
const authorization = `AWS4-HMAC-SHA256 Credential=contract/20260101/${region}/dynamodb/aws4_request, SignedHeaders=host, Signature=none`;

/** Controls every request: it decides when the request is sent, or that it never is. */
export type Gate = <Answer>(request: () => Promise<Answer>) => Promise<Answer>;

/** Sends every request immediately. */
export const open: Gate = (request) => request();

/** A DynamoDB with its own tables: embedded in this process, or the one at `DYNAMODB_ENDPOINT`. */
export class Engine {
  private readonly prefix = `contract-${randomBytes(6).toString('hex')}-`;
  private readonly backend = endpoint ? remoteBackend(endpoint) : embeddedBackend(require.resolve('dynalite'));
  private readonly front = new DynamoDbFront({
    backend: this.backend,
    memory: new ChanceMemory(),
    tableOf: (deployed) => deployed.slice(this.prefix.length),
    kill: () => undefined,
    latency: 0,
  });

  static async start(): Promise<Engine> {
    const engine = new Engine();
    const asContract: Backend = (request) => engine.backend({ ...request, authorization });
    await createTables(asContract, (table) => engine.prefix + table);
    for (const table of Object.keys(tables)) await engine.untilActive(table);
    return engine;
  }

  /** Deletes the tables, for an engine that outlives the test. */
  async stop(): Promise<void> {
    for (const table of Object.keys(tables)) await this.call('DeleteTable', table);
  }

  private async untilActive(table: string): Promise<void> {
    for (;;) {
      const { body } = await this.call('DescribeTable', table);
      if (JSON.parse(body).Table?.TableStatus === 'ACTIVE') return;
      await turn();
    }
  }

  private call(operation: string, table: string): Promise<DynamoDbResponse> {
    const body = JSON.stringify({ TableName: this.prefix + table });
    return this.backend({ target: `DynamoDB_20120810.${operation}`, body, authorization });
  }

  table(name: TableName): string {
    return this.prefix + name;
  }

  client(gate: Gate = open): DynamoDBClient {
    const handle: Handler['handle'] = async ({ headers, body }) => {
      const target = headers['x-amz-target'] ?? '';
      const request = { target, authorization: headers.authorization ?? '', body: new TextDecoder().decode(body) };
      const answer = await gate(() => this.front.respond(request));
      return { response: { statusCode: answer?.status ?? 500, headers: {}, body: Buffer.from(answer?.body ?? '') } };
    };
    const requestHandler = { handle } as unknown as DynamoDBClientConfig['requestHandler'];
    return new DynamoDBClient({ region, credentials, maxAttempts: 1, requestHandler });
  }

  /** Returns the read request units that `work` consumes of a table. */
  async readUnits(table: TableName, work: () => Promise<unknown>): Promise<number> {
    this.front.usage = {};
    await work();
    const operations = Object.values(this.front.usage[table] ?? {});
    return operations.reduce((sum, { reads }) => sum + reads, 0);
  }
}

interface Handler {
  handle(request: { headers: Record<string, string>; body: Uint8Array }): Promise<{
    response: { statusCode: number; headers: Record<string, string>; body: Buffer };
  }>;
}
