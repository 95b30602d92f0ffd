import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import type { IConnectPacket, IPublishPacket } from 'mqtt-packet';
import { type TableName, type TableSchema, tables } from '../../lambdas/storage/schema';
import { type Cloud, startCloud } from '../../local/cloud';
import type { CloudOptions } from '../../local/cloud-options';
import { tablePrefix } from '../../local/lambda/environment';
import { type Heard, heard, TextClient } from './text-client';

/** What a client says in its handshake. */
export interface HandshakeFields {
  readonly subprotocol?: string | string[];
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Address that the client comes from, on the loopback: 127.0.0.2 for one. */
  readonly localAddress?: string;
}

/** The deployed functions in a local cloud, and all that they logged. */
export class TestBroker {
  private readonly ids = new WeakMap<TextClient, string>();
  private opening: Promise<unknown> = Promise.resolve();
  private readonly dynamodb: DynamoDBClient;

  private constructor(
    readonly cloud: Cloud,
    private readonly lines: string[],
  ) {
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    this.dynamodb = new DynamoDBClient({ endpoint: cloud.endpoints.dynamodb, region: 'us-east-1', credentials });
  }

  static async start(options: CloudOptions = {}): Promise<TestBroker> {
    const lines: string[] = [];
    const cloud = await startCloud({ verbose: true, log: (line) => lines.push(line), ...options });
    return new TestBroker(cloud, lines);
  }

  stop(): Promise<void> {
    this.dynamodb.destroy();
    return this.cloud.stop();
  }

  /** A socket that has said nothing yet. One after the other, so that the newest connection is the one just opened. */
  open(said: string | string[] | HandshakeFields = {}): Promise<TextClient> {
    const { subprotocol, query = '', ...options } = isSubprotocol(said) ? { subprotocol: said } : said;
    const opened = this.opening.then(async () => {
      this.cloud.clock.jump(1); // A client's connections are told apart by their time, also while the clock is held.
      const client = await TextClient.open(`${this.cloud.gatewayUrl}${query}`, subprotocol, options);
      this.ids.set(client, this.cloud.connections().at(-1) ?? '');
      return client;
    });
    this.opening = opened.catch(() => undefined);
    return opened;
  }

  async connect(clientId: string, options: Partial<IConnectPacket> = {}): Promise<TextClient> {
    const client = await this.open();
    await client.connect(clientId, options);
    return client;
  }

  /** A client with a session that outlives its connection. */
  resume(clientId: string, options: Partial<IConnectPacket> = {}): Promise<TextClient> {
    return this.connect(clientId, { clean: false, ...options });
  }

  /** Ends the client's socket without a word; returns when the broker has dealt with it. */
  async lose(client: TextClient): Promise<void> {
    this.cloud.faults.cut(this.ids.get(client) ?? '');
    await client.closed();
    await this.cloud.settled();
  }

  /** Everything a client hears of what has happened so far, acknowledged by nobody. */
  async heardBy(client: TextClient): Promise<Heard[]> {
    await this.cloud.settled();
    await client.ping();
    return client
      .rest()
      .filter((packet): packet is IPublishPacket => packet.cmd === 'publish')
      .map(heard);
  }

  /** Returns when a fault that was set has struck. */
  async struck(): Promise<void> {
    while (this.cloud.faults.report().every(({ struck }) => struck === 0)) await sleep(2);
  }

  /** Keys of all that the broker keeps about connections and sessions. */
  async rows(): Promise<string[]> {
    await this.cloud.settled();
    const names = ['connections', 'sessions', 'topicIndex', 'inflight'] as const;
    return (await Promise.all(names.map((name) => this.keysOf(name)))).flat().sort();
  }

  private async keysOf(name: TableName): Promise<string[]> {
    const { partitionKey, sortKey }: TableSchema = tables[name];
    const { Items = [] } = await this.dynamodb.send(new ScanCommand({ TableName: tablePrefix + name }));
    const keys = Items.map((item) => `${name} ${item[partitionKey]?.S} ${sortKey ? item[sortKey]?.S : ''}`);
    return keys.filter((key) => !key.startsWith(`${name} \u0000shapes`)); // the list of shapes and the request to check it go minutes later
  }

  /** The lines with numbers, each with the function that wrote it. */
  metricLines(): { readonly writer: string; readonly text: string }[] {
    const lines = this.lines.filter((line) => line.includes('{"_aws":'));
    return lines.map((line) => {
      const start = line.indexOf('{');
      return { writer: line.slice(0, start).replace(/: $/, ''), text: line.slice(start) };
    });
  }

  /** Returns when the broker has logged something under a name. */
  async wrote(event: string): Promise<void> {
    while (this.logged(event).length === 0) await sleep(2);
  }

  /** What the broker logged under a name. */
  logged(event: string): Record<string, unknown>[] {
    return this.lines
      .filter((line) => line.includes(`{"event":"${event}"`))
      .map((line) => JSON.parse(line.slice(line.indexOf('{'))));
  }
}

function isSubprotocol(said: string | string[] | HandshakeFields): said is string | string[] {
  return typeof said === 'string' || Array.isArray(said);
}
