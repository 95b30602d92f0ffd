import { connect as connectTcp, type Socket } from 'node:net';
import mqtt, { type IPublishPacket, type Packet } from 'mqtt-packet';
import { WebSocket } from 'ws';

/** Address and transport of a broker. */
export type Target =
  | { readonly transport: 'tcp'; readonly port: number }
  /** MQTT over binary WebSocket. */
  | { readonly transport: 'websocket'; readonly url: string }
  /** Numbered text frames to the gateway. */
  | { readonly transport: 'text'; readonly url: string };

/** The operations of a client that scenarios use. */
export interface BenchClient {
  onMessage: () => void;
  subscribe(topic: string, qos: 0 | 1 | 2): Promise<void>;
  publish(topic: string, payload: Buffer, qos: 0 | 1 | 2): void;
  end(): void;
}

interface Wire {
  write(bytes: Buffer): void;
  end(): void;
}

/**
 * A minimal client, the same for every broker: packets written in one turn of the event loop share a write, and messages are only
 * acknowledged and reported.
 */
export class LoadClient implements BenchClient {
  onMessage: () => void = () => undefined;
  onAcknowledged: () => void = () => undefined;
  private readonly parser = mqtt.parser({ protocolVersion: 4 });
  private readonly responseHandlers = new Map<string, () => void>();
  private outgoing: Buffer[] = [];
  private messageId = 0;
  private wire!: Wire;

  static async connect(target: Target, clientId: string): Promise<LoadClient> {
    const client = new LoadClient();
    client.parser.on('packet', (packet) => client.receive(packet));
    client.wire = await open(target, (bytes) => client.parser.parse(bytes));
    await client.request({ cmd: 'connect', clientId, clean: true, keepalive: 0 } as Packet, 'connack');
    return client;
  }

  async subscribe(topic: string, qos: 0 | 1 | 2): Promise<void> {
    await this.subscribeAll([topic], qos);
  }

  async subscribeAll(filters: readonly string[], qos: 0 | 1 | 2): Promise<void> {
    const subscriptions = filters.map((topic) => ({ topic, qos }));
    await this.request({ cmd: 'subscribe', messageId: 1, subscriptions }, 'suback');
  }

  /** Resolves when the broker has acknowledged all messages. */
  async retainAll(topics: readonly string[]): Promise<void> {
    let left = topics.length;
    const acknowledged = new Promise<void>((resolve) => {
      this.onAcknowledged = () => {
        left -= 1;
        if (left === 0) resolve();
      };
    });
    for (const [index, topic] of topics.entries()) {
      const messageId = index + 1;
      this.write({ cmd: 'publish', topic, payload: 'retained', qos: 1, messageId, dup: false, retain: true });
    }
    await acknowledged;
  }

  publish(topic: string, payload: Buffer, qos: 0 | 1 | 2): void {
    this.messageId = (this.messageId % 65_000) + 1;
    this.write({ cmd: 'publish', topic, payload, qos, messageId: this.messageId, dup: false, retain: false });
  }

  end(): void {
    this.write({ cmd: 'disconnect' });
    setImmediate(() => this.wire.end());
  }

  private request(packet: Packet, response: Packet['cmd']): Promise<void> {
    return new Promise((resolve) => {
      this.responseHandlers.set(response, resolve);
      this.write(packet);
    });
  }

  private write(packet: Packet): void {
    if (this.outgoing.length === 0) setImmediate(() => this.flush());
    this.outgoing.push(mqtt.generate(packet));
  }

  private flush(): void {
    const bytes = Buffer.concat(this.outgoing);
    this.outgoing = [];
    this.wire.write(bytes);
  }

  private receive(packet: Packet): void {
    const { cmd, messageId } = packet;
    if (cmd === 'publish') this.take(packet);
    else if (cmd === 'pubrec') this.write({ cmd: 'pubrel', messageId });
    else if (cmd === 'pubrel') this.write({ cmd: 'pubcomp', messageId });
    else if (cmd === 'puback' || cmd === 'pubcomp') this.onAcknowledged();
    else this.responseHandlers.get(cmd)?.();
  }

  private take(packet: IPublishPacket): void {
    const { messageId } = packet;
    if (packet.qos === 1) this.write({ cmd: 'puback', messageId });
    if (packet.qos === 2) this.write({ cmd: 'pubrec', messageId });
    this.onMessage();
  }
}

function open(target: Target, receive: (bytes: Buffer) => void): Promise<Wire> {
  return target.transport === 'tcp' ? openTcp(target.port, receive) : openWebSocket(target, receive);
}

function openTcp(port: number, receive: (bytes: Buffer) => void): Promise<Wire> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connectTcp(port, '127.0.0.1', () =>
      resolve({ write: (bytes) => socket.write(bytes), end: () => socket.end() }),
    );
    socket.setNoDelay(true).on('data', receive).on('error', reject);
  });
}

function openWebSocket(target: Exclude<Target, { transport: 'tcp' }>, receive: (bytes: Buffer) => void): Promise<Wire> {
  const isText = target.transport === 'text';
  const socket = new WebSocket(target.url, 'mqtt', { perMessageDeflate: false });
  let frames = 0;
  const write = (bytes: Buffer) => socket.send(isText ? `${++frames}.${bytes.toString('base64')}` : bytes);
  socket.on('message', (data: Buffer) => receive(isText ? Buffer.from(data.toString('latin1'), 'base64') : data));
  return new Promise((resolve, reject) => {
    socket.on('open', () =>
      resolve({ write: (bytes) => (isText ? slices(bytes) : [bytes]).forEach(write), end: () => socket.close() }),
    );
    socket.on('error', reject);
  });
}

/** Bytes in a text frame: base64 turns them into 32 KB. */
const frameBytes = 24_576;

function slices(bytes: Buffer): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / frameBytes) }, (_, index) =>
    bytes.subarray(index * frameBytes, (index + 1) * frameBytes),
  );
}
