import { once } from 'node:events';
import mqtt, { type Packet } from 'mqtt-packet';
import { WebSocket } from 'ws';

/**
 * A client that says exactly what a test wants: each call of `send` is one numbered text frame, and every packet that
 * arrives is kept until the test asks for it.
 */
export class TextClient {
  private readonly parser = mqtt.parser({ protocolVersion: 4 });
  private readonly arrived: Packet[] = [];
  private waiting: (() => void)[] = [];
  private frames = 0;
  closeCode: number | undefined;

  private constructor(readonly socket: WebSocket) {
    this.parser.on('packet', (packet) => {
      this.arrived.push(packet);
      this.wakeUp();
    });
    socket.on('message', (data) => this.parser.parse(Buffer.from(String(data), 'base64')));
    socket.on('close', (code) => {
      this.closeCode = code;
      this.wakeUp();
    });
    socket.on('error', () => undefined);
  }

  static async open(url: string): Promise<TextClient> {
    const socket = new WebSocket(url, 'mqtt');
    const client = new TextClient(socket);
    await once(socket, 'open');
    return client;
  }

  /** Opens a socket and a session; returns when CONNACK has arrived. */
  static async connect(url: string, clientId: string, options: Partial<mqtt.IConnectPacket> = {}): Promise<TextClient> {
    const client = await TextClient.open(url);
    client.send({ cmd: 'connect', clientId, clean: true, keepalive: 60, ...options } as Packet);
    await client.next('connack');
    return client;
  }

  send(...packets: Packet[]): void {
    this.sendBytes(Buffer.concat(packets.map((packet) => mqtt.generate(packet))));
  }

  sendBytes(bytes: Buffer): void {
    this.socket.send(`${++this.frames}.${bytes.toString('base64')}`);
  }

  sendText(text: string): void {
    this.socket.send(text);
  }

  /** The next packet of a kind; others that arrive before it are kept. */
  async next<Cmd extends Packet['cmd']>(cmd: Cmd, milliseconds = 5000): Promise<Extract<Packet, { cmd: Cmd }>> {
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

  async closed(milliseconds = 5000): Promise<number> {
    const deadline = Date.now() + milliseconds;
    while (this.closeCode === undefined) await this.change(deadline, 'the close');
    return this.closeCode;
  }

  /** Ends the socket as a lost network does: no DISCONNECT, no close frame. */
  cut(): void {
    this.socket.terminate();
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
