import { once } from 'node:events';
import mqtt, {
  type IConnackPacket,
  type IConnectPacket,
  type IPublishPacket,
  type Packet,
  type QoS,
} from 'mqtt-packet';
import { type ClientOptions, WebSocket } from 'ws';

/** How long a test waits for what must come, in milliseconds. */
const patience = 30_000;

/** Raw bytes that a frame holds beside its number. */
const largestFrame = 24_564;

/** What a test says about a message it publishes; QoS 0 and not retained if it says nothing. */
export type PublishOptions = Partial<Pick<IPublishPacket, 'qos' | 'retain' | 'dup' | 'messageId'>>;

/** What a test asks about a message that arrived. */
export interface Heard {
  readonly topic: string;
  readonly text: string;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup: boolean;
}

/**
 * A client that says exactly what a test wants: each call of `send` is one numbered text frame, as far as it has room, and every packet that
 * arrives is kept until the test asks for it. Nothing is acknowledged unless the test does it.
 */
export class TextClient {
  /** The answer to CONNECT, once `connect` has returned. */
  connack: IConnackPacket | undefined;
  closeCode: number | undefined;
  /** What the gateway itself said, instead of the broker. */
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

  /** `options` are those of the handshake. */
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

  /** Says CONNECT with a clean session and returns when CONNACK has arrived. */
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

  /** Publishes and returns when the broker owns the message; at QoS 0, when it has dealt with it. */
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

  /** The next message, acknowledged as its QoS wants it. */
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

  /** Returns when everything sent so far was dealt with, and everything posted to this client so far has arrived. */
  async ping(): Promise<void> {
    this.send({ cmd: 'pingreq' });
    await this.next('pingresp');
  }

  /** The next packet of a kind; others that arrive before it are kept. */
  async next<Cmd extends Packet['cmd']>(cmd: Cmd, milliseconds = patience): Promise<Extract<Packet, { cmd: Cmd }>> {
    const deadline = Date.now() + milliseconds;
    for (;;) {
      const index = this.arrived.findIndex((packet) => packet.cmd === cmd);
      if (index >= 0) return this.arrived.splice(index, 1)[0] as Extract<Packet, { cmd: Cmd }>;
      if (this.closeCode !== undefined) throw new Error(`closed with ${this.closeCode} while waiting for ${cmd}`);
      await this.change(deadline, cmd);
    }
  }

  /** Everything that has arrived and was not asked for. */
  rest(): Packet[] {
    return this.arrived.splice(0);
  }

  async closed(milliseconds = patience): Promise<number> {
    const deadline = Date.now() + milliseconds;
    while (this.closeCode === undefined) await this.change(deadline, 'the close');
    return this.closeCode;
  }

  /** Leaves with DISCONNECT; returns when the broker has closed the socket. */
  async disconnect(): Promise<void> {
    this.send({ cmd: 'disconnect' });
    await this.closed();
  }

  /** Ends the socket as a lost network does: no DISCONNECT, no close frame. */
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

/** A PUBLISH as a client sends it. */
export function publishPacket(topic: string, payload: string | Buffer, options: PublishOptions = {}): IPublishPacket {
  return { cmd: 'publish', topic, payload, qos: 0, retain: false, dup: false, ...options };
}

export function heard({ topic, payload, qos, retain, dup }: IPublishPacket): Heard {
  return { topic, text: String(payload), qos, retain, dup };
}
