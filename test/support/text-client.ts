import { once } from 'node:events';
import mqtt, {
  type IConnackPacket,
  type IConnectPacket,
  type IPublishPacket,
  type Packet,
  type QoS,
} from 'mqtt-packet';
import { type ClientOptions, WebSocket } from 'ws';

/** Maximum milliseconds that a test waits for an event. */
const patience = 30_000;

/** Maximum raw bytes of a frame, beside its number. */
const largestFrame = 24_564;

/** Options of a PUBLISH; QoS 0 and not retained by default. */
export type PublishOptions = Partial<Pick<IPublishPacket, 'qos' | 'retain' | 'dup' | 'messageId'>>;

/** A received message. */
export interface Heard {
  readonly topic: string;
  readonly text: string;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup: boolean;
}

/**
 * A client under full control of the test. Each call of `send` is one numbered text frame, or several if it does not fit into one. Received
 * packets are kept until the test reads them. Nothing is acknowledged automatically.
 */
export class TextClient {
  /** CONNACK, once `connect` has returned. */
  connack: IConnackPacket | undefined;
  closeCode: number | undefined;
  /** Error messages of the gateway itself. */
  readonly complaints: string[] = [];
  private readonly parser = mqtt.parser({ protocolVersion: 4 });
  private readonly arrived: Packet[] = [];
  private waiting: (() => void)[] = [];
  private frames = 0;
  private packetIds = 0;

  private constructor(readonly socket: WebSocket) {
    this.parser.on('packet', (packet) => {
      this.arrived.push(packet);
      this.wakeUp();
    });
    socket.on('message', (data) => this.read(String(data)));
    socket.on('close', (code) => {
      this.closeCode = code;
      this.wakeUp();
    });
    socket.on('error', () => undefined);
  }

  /** Opens a socket; `options` are those of the WebSocket handshake. */
  static async open(
    url: string,
    subprotocol: string | string[] = 'mqtt',
    options: ClientOptions = {},
  ): Promise<TextClient> {
    const socket = new WebSocket(url, subprotocol, options);
    const client = new TextClient(socket);
    await once(socket, 'open');
    return client;
  }

  /** Opens a socket and a session; returns when CONNACK has arrived. */
  static async connect(url: string, clientId: string, options: Partial<IConnectPacket> = {}): Promise<TextClient> {
    const client = await TextClient.open(url);
    await client.connect(clientId, options);
    return client;
  }

  /** Sends CONNECT, with a clean session by default; returns when CONNACK has arrived. */
  async connect(clientId: string, options: Partial<IConnectPacket> = {}): Promise<void> {
    this.send({ cmd: 'connect', clientId, clean: true, keepalive: 60, ...options } as Packet);
    this.connack = await this.next('connack');
  }

  send(...packets: Packet[]): void {
    this.sendStream(Buffer.concat(packets.map((packet) => mqtt.generate(packet))));
  }

  /** Sends bytes in as many frames as they need. */
  sendStream(bytes: Buffer): void {
    for (let start = 0; start < bytes.length; start += largestFrame) {
      this.sendBytes(bytes.subarray(start, start + largestFrame));
    }
  }

  /** Sends one frame. */
  sendBytes(bytes: Buffer): void {
    this.socket.send(`${++this.frames}.${bytes.toString('base64')}`);
  }

  sendText(text: string): void {
    this.socket.send(text);
  }

  /** Subscribes to filters at one QoS; returns the codes of SUBACK. */
  async subscribe(qos: QoS, ...filters: string[]): Promise<unknown[]> {
    const subscriptions = filters.map((topic) => ({ topic, qos }));
    this.send({ cmd: 'subscribe', messageId: this.packetId(), subscriptions });
    return (await this.next('suback')).granted;
  }

  async unsubscribe(...unsubscriptions: string[]): Promise<void> {
    this.send({ cmd: 'unsubscribe', messageId: this.packetId(), unsubscriptions });
    await this.next('unsuback');
  }

  /** Publishes; returns when the broker has acknowledged the message, at QoS 0 when it has handled it. */
  async publish(topic: string, payload: string | Buffer, options: PublishOptions = {}): Promise<void> {
    const packet = publishPacket(topic, payload, { messageId: this.packetId(), ...options });
    const { messageId } = packet;
    this.send(packet);
    if (packet.qos === 0) return this.ping();
    if (packet.qos === 1) return void (await this.next('puback'));
    await this.next('pubrec');
    this.send({ cmd: 'pubrel', messageId });
    await this.next('pubcomp');
  }

  /** Returns the next message after acknowledging it. */
  async hear(): Promise<Heard> {
    const packet = await this.next('publish');
    await this.acknowledge(packet);
    return heard(packet);
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
  async next<Cmd extends Packet['cmd']>(cmd: Cmd, milliseconds = patience): Promise<Extract<Packet, { cmd: Cmd }>> {
    const deadline = Date.now() + milliseconds;
    for (;;) {
      const index = this.arrived.findIndex((packet) => packet.cmd === cmd);
      if (index >= 0) return this.arrived.splice(index, 1)[0] as Extract<Packet, { cmd: Cmd }>;
      if (this.closeCode !== undefined) throw new Error(`closed with ${this.closeCode} while waiting for ${cmd}`);
      await this.change(deadline, cmd);
    }
  }

  /** Returns and removes all packets that have arrived and have not been read. */
  rest(): Packet[] {
    return this.arrived.splice(0);
  }

  async closed(milliseconds = patience): Promise<number> {
    const deadline = Date.now() + milliseconds;
    while (this.closeCode === undefined) await this.change(deadline, 'the close');
    return this.closeCode;
  }

  /** Sends DISCONNECT; returns when the broker has closed the socket. */
  async disconnect(): Promise<void> {
    this.send({ cmd: 'disconnect' });
    await this.closed();
  }

  /** Ends the socket without DISCONNECT and without a close frame, as a lost network does. */
  cut(): void {
    this.socket.terminate();
  }

  private read(text: string): void {
    if (!text.startsWith('{')) this.parser.parse(Buffer.from(text, 'base64'));
    else this.complaints.push(text);
  }

  private packetId(): number {
    this.packetIds += 1;
    return this.packetIds;
  }

  private wakeUp(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  private change(deadline: number, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${what} did not come; there is ${JSON.stringify(this.arrived.map(({ cmd }) => cmd))}`)),
        Math.max(0, deadline - Date.now()),
      );
      this.waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

/** Builds a PUBLISH. */
export function publishPacket(topic: string, payload: string | Buffer, options: PublishOptions = {}): IPublishPacket {
  return { cmd: 'publish', topic, payload, qos: 0, retain: false, dup: false, ...options };
}

export function heard({ topic, payload, qos, retain, dup }: IPublishPacket): Heard {
  return { topic, text: String(payload), qos, retain, dup };
}
