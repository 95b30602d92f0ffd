import { setTimeout as sleep } from 'node:timers/promises';
import mqtt, { type IPublishPacket, type Packet } from 'mqtt-packet';
import { WebSocket } from 'ws';

/** Maximum delay before a lost connection is opened again, in milliseconds. */
const maxReconnectDelay = 100;

/** Protocol version of a client, and its Receive Maximum in MQTT 5.0. */
export interface Dialect {
  readonly version: 4 | 5;
  readonly receiveMaximum?: number;
}

/** Session Expiry Interval in seconds, longer than any storm. */
const sessionExpiryInterval = 3600;

/**
 * A client with a persistent session that follows section 4 of the specification through any number of lost connections. It
 * reconnects until it is stopped.
 */
abstract class StormClient {
  private socket: WebSocket | undefined;
  private frames = 0;
  private stopped = false;
  private outgoing: Packet[] = [];
  private pinged: (() => void) | undefined;
  connections = 0;
  /** Packets received on all connections, without PINGRESP. */
  packetCount = 0;

  constructor(
    private readonly url: string,
    readonly clientId: string,
    private readonly dialect: Dialect,
  ) {}

  protected abstract connected(): void;
  protected abstract received(packet: Packet): void;

  start(): void {
    if (this.stopped) return;
    const socket = new WebSocket(this.url, 'mqtt');
    const parser = mqtt.parser({ protocolVersion: this.dialect.version });
    this.socket = socket;
    this.frames = 0;
    this.outgoing = [];
    parser.on('packet', (packet) => {
      if (socket === this.socket) this.receive(packet);
    });
    socket.on('message', (data) => parser.parse(Buffer.from(String(data), 'base64')));
    socket.on('open', () => this.send(this.connect()));
    socket.on('error', () => undefined);
    socket.on('close', () => socket === this.socket && void this.reopen());
  }

  private connect(): Packet {
    const { version, receiveMaximum } = this.dialect;
    const properties = { sessionExpiryInterval, ...(receiveMaximum === undefined ? {} : { receiveMaximum }) };
    const packet = { cmd: 'connect', clientId: this.clientId, clean: false, keepalive: 60, protocolVersion: version };
    return { ...packet, ...(version === 5 ? { properties } : {}) } as Packet;
  }

  private async reopen(): Promise<void> {
    await sleep(Math.random() * maxReconnectDelay);
    this.start();
  }

  stop(): void {
    this.stopped = true;
    this.socket?.terminate();
  }

  cut(): void {
    this.socket?.terminate();
  }

  /** Connects again while the former connection is still open for the broker, as a device does after a change of its network. */
  takeOver(): void {
    this.start();
  }

  protected send(packet: Packet): void {
    if (this.outgoing.length === 0) setImmediate(() => this.flush());
    this.outgoing.push(packet);
  }

  private flush(): void {
    const options = { protocolVersion: this.dialect.version };
    const bytes = Buffer.concat(this.outgoing.splice(0).map((packet) => mqtt.generate(packet, options)));
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(`${++this.frames}.${bytes.toString('base64')}`);
  }

  /** Returns when PINGRESP has arrived, and so every packet that the broker has sent before it. */
  ping(): Promise<void> {
    return new Promise((resolve) => {
      this.pinged = resolve;
      this.send({ cmd: 'pingreq' });
    });
  }

  private receive(packet: Packet): void {
    if (packet.cmd === 'pingresp') {
      this.pinged?.();
      this.pinged = undefined;
      return;
    }
    this.packetCount += 1;
    if (packet.cmd === 'connack') {
      this.connections += 1;
      this.connected();
      if (this.pinged) this.send({ cmd: 'pingreq' }); // the former connection has lost it
    } else this.received(packet);
  }
}

interface Unacknowledged {
  readonly packet: IPublishPacket;
  state: 'published' | 'released';
}

/** Publishes numbered messages to one topic, up to `window` at a time, until all are acknowledged. */
export class StormPublisher extends StormClient {
  private readonly unacknowledged = new Map<number, Unacknowledged>();
  private next = 0;
  private isConnected = false;

  constructor(
    url: string,
    private readonly name: string,
    private readonly qos: 1 | 2,
    private readonly total: number,
    dialect: Dialect = { version: 4 },
    private readonly window = 16,
  ) {
    super(url, `publisher-${name}`, dialect);
  }

  get done(): boolean {
    return this.next === this.total && this.unacknowledged.size === 0;
  }

  get acknowledged(): number {
    return this.next - this.unacknowledged.size;
  }

  /** [v3 MQTT-4.4.0-1] */
  protected connected(): void {
    this.isConnected = true;
    for (const { packet, state } of this.unacknowledged.values()) {
      if (state === 'released') this.send({ cmd: 'pubrel', messageId: packet.messageId });
      else this.send({ ...packet, dup: true });
    }
    this.fill();
  }

  protected received(packet: Packet): void {
    const messageId = packet.messageId ?? 0;
    const entry = this.unacknowledged.get(messageId);
    if (packet.cmd === 'pubrec' && entry) entry.state = 'released';
    if (packet.cmd === 'pubrec') this.send({ cmd: 'pubrel', messageId });
    if (packet.cmd === 'puback' || packet.cmd === 'pubcomp') this.unacknowledged.delete(messageId);
    this.fill();
  }

  private fill(): void {
    while (this.isConnected && this.unacknowledged.size < this.window && this.next < this.total) {
      const messageId = (this.next % 65_535) + 1;
      const packet: IPublishPacket = {
        cmd: 'publish',
        topic: `storm/${this.name}`,
        payload: Buffer.from(String(this.next++)),
        qos: this.qos,
        messageId,
        dup: false,
        retain: false,
      };
      this.unacknowledged.set(messageId, { packet, state: 'published' });
      this.send(packet);
    }
  }
}

/** Subscribes to every topic of the storm and records the messages that an application would receive. */
export class StormSubscriber extends StormClient {
  /** Numbers of the received messages by topic, in the order of their delivery to the application. */
  readonly messages = new Map<string, number[]>();
  private readonly inDelivery = new Set<number>();
  private ready: (() => void) | undefined;
  readonly subscribed = new Promise<void>((resolve) => {
    this.ready = resolve;
  });

  constructor(
    url: string,
    name: string,
    private readonly qos: 1 | 2,
    dialect: Dialect = { version: 4 },
    private readonly filter = 'storm/+',
  ) {
    super(url, `subscriber-${name}`, dialect);
  }

  protected connected(): void {
    this.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: this.filter, qos: this.qos }] });
  }

  protected received(packet: Packet): void {
    if (packet.cmd === 'suback') this.ready?.();
    if (packet.cmd === 'publish') this.take(packet);
    if (packet.cmd === 'pubrel') {
      this.inDelivery.delete(packet.messageId ?? 0);
      this.send({ cmd: 'pubcomp', messageId: packet.messageId });
    }
  }

  /** QoS 2, method B of figure 4.3: the packet identifier is stored until PUBREL; a PUBLISH with a stored identifier is a duplicate. */
  private take(packet: IPublishPacket): void {
    const messageId = packet.messageId ?? 0;
    if (packet.qos < 2 || !this.inDelivery.has(messageId)) this.keep(packet);
    if (packet.qos === 2) this.inDelivery.add(messageId);
    this.send({ cmd: packet.qos === 1 ? 'puback' : 'pubrec', messageId });
  }

  private keep({ topic, payload }: IPublishPacket): void {
    const numbers = this.messages.get(topic) ?? [];
    this.messages.set(topic, numbers);
    numbers.push(Number(payload.toString()));
  }
}
