import mqtt, {
  type IConnackPacket,
  type IConnectPacket,
  type IDisconnectPacket,
  type IPublishPacket,
  type ISubscribePacket,
  type ISubscription,
  type Packet,
} from 'mqtt-packet';
import { type Heard, heard, type TextClient } from './text-client';

/** Maximum milliseconds that a test waits for an event. */
const patience = 30_000;

/** Options of a PUBLISH; QoS 0 and not retained by default. */
export type PublishFields = Partial<Omit<IPublishPacket, 'cmd' | 'topic' | 'payload'>>;

export type ConnectFields = Partial<Omit<IConnectPacket, 'cmd'>>;

/** A filter alone means QoS 2, so that messages are delivered with the QoS that they were published with. */
export type Wanted = string | (Partial<ISubscription> & Pick<ISubscription, 'topic'>);

export interface Heard5 extends Heard {
  readonly properties: NonNullable<IPublishPacket['properties']>;
}

/**
 * A client of MQTT 5.0 under full control of the test. Nothing is acknowledged automatically. mqtt-packet parses the received packets; a
 * packet that it cannot parse fails the test.
 */
export class Client5 {
  /** CONNACK, once `connect` has returned. */
  connack: IConnackPacket | undefined;
  private readonly parser = mqtt.parser({ protocolVersion: 5 });
  private readonly frames: Buffer[] = [];
  private readonly arrived: Packet[] = [];
  private unreadable: Error | undefined;
  private waiting: (() => void)[] = [];
  private packetIds = 0;

  /** `line` is a socket without CONNECT. */
  constructor(readonly line: TextClient) {
    this.parser.on('packet', (packet) => this.arrived.push(packet));
    this.parser.on('error', (error) => {
      this.unreadable ??= error;
    });
    line.socket.removeAllListeners('message');
    line.socket.on('message', (data) => this.read(String(data)));
    line.socket.on('close', () => this.wakeUp());
  }

  get closeCode(): number | undefined {
    return this.line.closeCode;
  }

  /** All bytes that have arrived. */
  get bytes(): Buffer {
    return Buffer.concat(this.frames);
  }

  /** Sends CONNECT, with Clean Start by default; returns when CONNACK has arrived. */
  async connect(clientId: string, fields: ConnectFields = {}): Promise<void> {
    this.send(connectPacket(clientId, fields));
    this.connack = await this.next('connack');
  }

  send(...packets: Packet[]): void {
    this.sendBytes(...packets.map(written));
  }

  sendBytes(...packets: Buffer[]): void {
    this.line.sendStream(Buffer.concat(packets));
  }

  /** Returns the codes of SUBACK. */
  async subscribe(wanted: Wanted | readonly Wanted[], properties?: ISubscribePacket['properties']): Promise<number[]> {
    const messageId = this.packetId();
    this.send({ cmd: 'subscribe', messageId, subscriptions: [wanted].flat().map(subscription), properties });
    return (await this.next('suback')).granted as number[];
  }

  /** Returns the codes of UNSUBACK. */
  async unsubscribe(...unsubscriptions: string[]): Promise<number[]> {
    this.send({ cmd: 'unsubscribe', messageId: this.packetId(), unsubscriptions });
    return (await this.next('unsuback')).granted;
  }

  /**
   * Publishes; returns when the broker has acknowledged the message, at QoS 0 when it has handled it. Returns the reason code of PUBACK
   * or PUBREC.
   */
  async publish(topic: string, payload: string | Buffer, fields: PublishFields = {}): Promise<number> {
    const packet = publishPacket(topic, payload, { messageId: this.packetId(), ...fields });
    const { qos, messageId } = packet;
    this.send(packet);
    if (qos === 0) await this.ping();
    if (qos === 0) return 0;
    const { reasonCode = 0 } = await this.next(qos === 1 ? 'puback' : 'pubrec');
    if (qos === 1 || reasonCode >= 0x80) return reasonCode;
    this.send({ cmd: 'pubrel', messageId });
    await this.next('pubcomp');
    return reasonCode;
  }

  /** Publishes several messages in as few frames as possible; returns when the broker has acknowledged all of them. */
  async publishTogether(
    qos: 1 | 2,
    ...messages: readonly (readonly [topic: string, payload: string])[]
  ): Promise<void> {
    const packets = messages.map(([topic, payload]) =>
      publishPacket(topic, payload, { qos, messageId: this.packetId() }),
    );
    this.send(...packets);
    for (const _ of packets) await this.next(qos === 1 ? 'puback' : 'pubrec');
    if (qos === 1) return;
    this.send(...packets.map(({ messageId }) => ({ cmd: 'pubrel', messageId }) as const));
    for (const _ of packets) await this.next('pubcomp');
  }

  /** Returns the next message after acknowledging it. */
  async hear(): Promise<Heard5> {
    const packet = await this.next('publish');
    await this.acknowledge(packet);
    return heard5(packet);
  }

  async acknowledge({ qos, messageId }: IPublishPacket): Promise<void> {
    if (qos === 1) this.send({ cmd: 'puback', messageId });
    if (qos !== 2) return;
    this.send({ cmd: 'pubrec', messageId });
    await this.next('pubrel');
    this.send({ cmd: 'pubcomp', messageId });
  }

  /** Returns when the broker has handled all sent packets, and all packets posted to this client have arrived. */
  async ping(): Promise<void> {
    this.send({ cmd: 'pingreq' });
    await this.next('pingresp');
  }

  /** Returns the next packet of a type; packets of other types are kept. */
  async next<Cmd extends Packet['cmd']>(cmd: Cmd): Promise<Extract<Packet, { cmd: Cmd }>> {
    const deadline = Date.now() + patience;
    for (;;) {
      if (this.unreadable) throw this.unreadable;
      const index = this.arrived.findIndex((packet) => packet.cmd === cmd);
      if (index >= 0) return this.arrived.splice(index, 1)[0] as Extract<Packet, { cmd: Cmd }>;
      if (this.closeCode !== undefined) throw new Error(`closed while waiting for ${cmd}; there is ${this.kinds()}`);
      await this.change(deadline, cmd);
    }
  }

  /** Returns and removes all packets that have arrived and have not been read. */
  rest(): Packet[] {
    if (this.unreadable) throw this.unreadable;
    return this.arrived.splice(0);
  }

  /** Returns the DISCONNECT with which the broker ends the connection. */
  async farewell(): Promise<IDisconnectPacket> {
    await this.closed();
    const last = this.rest().at(-1);
    if (last?.cmd !== 'disconnect') throw new Error(`closed without DISCONNECT behind ${last?.cmd}`);
    return last;
  }

  async closed(): Promise<void> {
    await this.line.closed(patience);
  }

  /** Sends DISCONNECT; returns when the broker has closed the socket. */
  async disconnect(reasonCode = 0, properties?: IDisconnectPacket['properties']): Promise<void> {
    this.send({ cmd: 'disconnect', reasonCode, properties });
    await this.closed();
  }

  private read(text: string): void {
    if (text.startsWith('{')) return void this.line.complaints.push(text);
    const bytes = Buffer.from(text, 'base64');
    this.frames.push(bytes);
    this.parser.parse(bytes);
    this.wakeUp();
  }

  private packetId(): number {
    this.packetIds += 1;
    return this.packetIds;
  }

  private kinds(): string {
    return JSON.stringify(this.arrived.map(({ cmd }) => cmd));
  }

  private wakeUp(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  private change(deadline: number, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${what} did not come; there is ${this.kinds()}`)),
        Math.max(0, deadline - Date.now()),
      );
      this.waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

/** Encodes a packet of MQTT 5.0. */
export function written(packet: Packet): Buffer {
  return mqtt.generate(packet, { protocolVersion: 5 });
}

/** Builds a CONNECT of MQTT 5.0 with Clean Start. */
export function connectPacket(clientId: string, fields: ConnectFields = {}): IConnectPacket {
  return {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 5,
    clientId,
    clean: true,
    keepalive: 60,
    ...fields,
  };
}

/** Builds a PUBLISH. */
export function publishPacket(topic: string, payload: string | Buffer, fields: PublishFields = {}): IPublishPacket {
  return { cmd: 'publish', topic, payload, qos: 0, retain: false, dup: false, ...fields };
}

export function subscription(wanted: Wanted): ISubscription {
  const fields = typeof wanted === 'string' ? { topic: wanted } : wanted;
  return { qos: 2, nl: false, rap: false, rh: 0, ...fields };
}

export function heard5(packet: IPublishPacket): Heard5 {
  return { ...heard(packet), properties: packet.properties ?? {} };
}

/** Returns the bytes of a packet that mqtt-packet has parsed, including its fixed header. */
export function sizeOf({ length = 0 }: Packet): number {
  return length + 1 + (length < 128 ? 1 : length < 16_384 ? 2 : 3);
}
