import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiGatewayManagementApi } from '@aws-sdk/client-apigatewaymanagementapi';
import { DynamoDB } from '@aws-sdk/client-dynamodb';
import { SQS } from '@aws-sdk/client-sqs';
import type { APIGatewayProxyWebsocketEventV2, SQSRecord } from 'aws-lambda';
import { type ClientOptions, WebSocket } from 'ws';
import type { QueueName } from '../../lambdas/deployment';
import { type Cloud, startCloud } from '../../local/cloud';
import type { CloudOptions } from '../../local/cloud-options';

const entry = (file: string) => ({ entry: `test/local/fixtures/${file}.ts` });

export const fixtures = {
  onConnect: entry('on-connect'),
  onPackets: entry('on-batch'),
  onFanOut: entry('on-batch'),
  onTimer: entry('on-batch'),
  onSchedule: entry('on-schedule'),
} as const;

interface ClientSettings {
  readonly maxAttempts?: number;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

const clientDefaults = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };

/** A local cloud with the fixtures for functions, and all lines that they logged. */
export class TestCloud {
  private constructor(
    readonly cloud: Cloud,
    private readonly lines: readonly string[],
  ) {}

  static async start(options: CloudOptions = {}): Promise<TestCloud> {
    const lines: string[] = [];
    const log = (line: string) => lines.push(line);
    const cloud = await startCloud({ functions: fixtures, verbose: true, log, ...options });
    return new TestCloud(cloud, lines);
  }

  get connectEvents(): (APIGatewayProxyWebsocketEventV2 & { headers: Record<string, string> })[] {
    return this.logged('connect');
  }

  /** All delivered batches of records. */
  get batches(): SQSRecord[][] {
    return this.logged('batch');
  }

  get schedules(): unknown[] {
    return this.logged('schedule');
  }

  get errors(): string[] {
    return this.lines.filter((line) => !line.includes('{'));
  }

  /** Returns the delivered records, or only those of one connection. */
  records(connectionId?: string): SQSRecord[] {
    const all = this.batches.flat();
    return connectionId === undefined
      ? all
      : all.filter(({ attributes }) => attributes.MessageGroupId === connectionId);
  }

  bodies(connectionId?: string): string[] {
    return this.records(connectionId).map(({ body }) => body);
  }

  connectionsApi(options: ClientSettings = {}) {
    return new ApiGatewayManagementApi({ ...clientDefaults, endpoint: this.cloud.callbackUrl, ...options });
  }

  sqs(options: ClientSettings = {}) {
    return new SQS({ ...clientDefaults, endpoint: this.cloud.endpoints.sqs, ...options });
  }

  dynamodb(options: ClientSettings = {}) {
    return new DynamoDB({ ...clientDefaults, endpoint: this.cloud.endpoints.dynamodb, ...options });
  }

  queueUrl(name: QueueName): string {
    return `${this.cloud.endpoints.sqs}/000000000000/${name}${name === 'timer' ? '' : '.fifo'}`;
  }

  async connect(query = '', protocols?: string[], options?: ClientOptions): Promise<Client> {
    const socket = new WebSocket(this.cloud.gatewayUrl + query, protocols ?? [], options);
    const client = new Client(socket);
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    client.id = this.cloud.connections().at(-1)!;
    return client;
  }

  private logged(kind: string) {
    const prefix = `{"${kind}":`;
    const json = this.lines.map((line) => line.slice(line.indexOf(' ') + 1)).filter((line) => line.startsWith(prefix));
    return json.map((line) => JSON.parse(line)[kind]);
  }
}

/** A WebSocket client that keeps all received frames. */
export class Client {
  id = '';
  readonly received: string[] = [];
  readonly closed: Promise<number>;

  constructor(readonly socket: WebSocket) {
    socket.on('message', (data) => this.received.push(data.toString()));
    this.closed = new Promise((resolve) => socket.once('close', resolve));
  }

  send(...texts: readonly string[]): void {
    for (const text of texts) this.socket.send(text);
  }

  /** Sends one frame and resolves with the next received one. */
  async ask(text: string): Promise<string> {
    const seen = this.received.length;
    this.send(text);
    await until(() => this.received.length > seen);
    return this.received[seen]!;
  }
}

/** A file that a function of the fixtures waits for. */
export class Signal {
  private readonly folder = mkdtempSync(join(tmpdir(), 'cirrus-signal-'));
  readonly file = join(this.folder, 'given');

  give(): void {
    writeFileSync(this.file, '');
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** Milliseconds that a test waits for an expected event. */
const patience = 30_000;

/** Waits until a condition holds. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + patience;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`still not: ${holds}`);
    await sleep(3);
  }
}
