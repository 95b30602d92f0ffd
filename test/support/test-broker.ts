import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import type { IConnectPacket, IPublishPacket } from 'mqtt-packet';
import { type TableName, type TableSchema, tables } from '../../lambdas/storage/schema';
import { type Cloud, startCloud } from '../../local/cloud';
import type { CloudOptions } from '../../local/cloud-options';
import { tablePrefix } from '../../local/lambda/environment';
import { type Heard, heard, TextClient } from './text-client';

/** Parts of a client's WebSocket handshake. */
export interface HandshakeFields {
  readonly subprotocol?: string | string[];
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Loopback address of the client, for example 127.0.0.2. */
  readonly localAddress?: string;
}

/** The deployed functions in a local cloud, and their log. */
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

  /** Opens a socket without CONNECT. Calls run in sequence, so that the newest connection is the one of this call. */
  open(said: string | string[] | HandshakeFields = {}): Promise<TextClient> {
    const { subprotocol, query = '', ...options } = isSubprotocol(said) ? { subprotocol: said } : said;
    const opened = this.opening.then(async () => {
      this.cloud.clock.jump(1); // Fences order the connections of a client by time, and the clock may be held.
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

  /** Connects a client with a persistent session. */
  resume(clientId: string, options: Partial<IConnectPacket> = {}): Promise<TextClient> {
    return this.connect(clientId, { clean: false, ...options });
  }

  /** Ends the client's socket without DISCONNECT; returns when the broker has handled it. */
  async lose(client: TextClient): Promise<void> {
    this.cloud.faults.cut(this.ids.get(client) ?? '');
    await client.closed();
    await this.cloud.settled();
  }

  /** Returns all messages that a client has received and not read, without an acknowledgement, once the broker is idle. */
  async heardBy(client: TextClient): Promise<Heard[]> {
    await this.cloud.settled();
    await client.ping();
    return client
      .rest()
      .filter((packet): packet is IPublishPacket => packet.cmd === 'publish')
      .map(heard);
  }

  /** Returns when one of the faults has occurred. */
  async struck(): Promise<void> {
    while (this.cloud.faults.report().every(({ struck }) => struck === 0)) await sleep(2);
  }

  /** Returns the keys of all rows of connections and sessions, once the broker is idle. */
  async rows(): Promise<string[]> {
    await this.cloud.settled();
    const names = ['connections', 'sessions', 'topicIndex', 'inflight'] as const;
    return (await Promise.all(names.map((name) => this.keysOf(name)))).flat().sort();
  }

  private async keysOf(name: TableName): Promise<string[]> {
    const { partitionKey, sortKey }: TableSchema = tables[name];
    const { Items = [] } = await this.dynamodb.send(new ScanCommand({ TableName: tablePrefix + name }));
    const keys = Items.map((item) => `${name} ${item[partitionKey]?.S} ${sortKey ? item[sortKey]?.S : ''}`);
    return keys.filter((key) => !key.startsWith(`${name} \u0000shapes`)); // the list of shapes and the request for its check are deleted minutes later
  }

  /** Returns the metric lines, each with the function that wrote it. */
  metricLines(): { readonly writer: string; readonly text: string }[] {
    const lines = this.lines.filter((line) => line.includes('{"_aws":'));
    return lines.map((line) => {
      const start = line.indexOf('{');
      return { writer: line.slice(0, start).replace(/: $/, ''), text: line.slice(start) };
    });
  }

  /** Returns when the broker has logged an event so many times. */
  async wrote(event: string, times = 1): Promise<void> {
    while (this.logged(event).length < times) await sleep(2);
  }

  /** Returns the log entries of an event. */
  logged(event: string): Record<string, unknown>[] {
    return this.lines
      .filter((line) => line.includes(`{"event":"${event}"`))
      .map((line) => JSON.parse(line.slice(line.indexOf('{'))));
  }
}

function isSubprotocol(said: string | string[] | HandshakeFields): said is string | string[] {
  return typeof said === 'string' || Array.isArray(said);
}
