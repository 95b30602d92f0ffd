import type { IncomingMessage } from 'node:http';
import mqtt, { type IConnackPacket, type IDisconnectPacket, type IPublishPacket, type Packet } from 'mqtt-packet';
import WebSocket from 'ws';
import { FrameWriter, readFrame } from '../../clients/wire';
import { Finding } from './step-errors';

/** Where the doctor connects, and how. */
export interface Address {
  readonly url: string;
  /** For each handshake. */
  readonly headers?: () => Record<string, string>;
  /** Longest wait for anything. */
  readonly patienceMs: number;
  /** Takes down what the frames of the server have that the wire format forbids. */
  readonly breach: (what: string) => void;
}

/** How a connection ended. */
export interface End {
  readonly code: number;
  /** DISCONNECT of the server, if it said one. */
  readonly said?: IDisconnectPacket;
}

const protocolVersion = 5;

/** API Gateway: what one post holds, as text. */
const mostCharacters = 128 * 1024;

/** One WebSocket with a look at every frame: what MQTT libraries hide is what the doctor is for. */
export class ProbeSocket {
  private readonly arrived: Packet[] = [];
  private readonly parser = mqtt.parser({ protocolVersion });
  private readonly writer = new FrameWriter((frame) => this.sendText(frame));
  private readonly binary: Buffer[] = [];
  private end: End | undefined;
  private flushing = false;
  private awaken = () => {};

  private constructor(
    private readonly socket: WebSocket,
    private readonly address: Address,
  ) {
    this.parser.on('packet', (packet) => this.arrived.push(packet));
    this.parser.on('error', (error) => address.breach(`a malformed packet: ${error.message}`));
    socket.on('message', (data: Buffer, isBinary: boolean) => this.receive(data, isBinary));
    socket.on('close', (code) => this.ended(code));
    socket.on('error', () => {}); // `close` follows.
  }

  /** Offers subprotocols. Fails with the status when the handshake is refused. */
  static open(address: Address, subprotocols = ['mqtt']): Promise<ProbeSocket> {
    const { url, headers, patienceMs } = address;
    const options = { headers: headers?.(), handshakeTimeout: patienceMs, perMessageDeflate: false };
    const socket = new WebSocket(url, subprotocols, options);
    const probe = new ProbeSocket(socket, address);
    return new Promise((resolve, reject) => {
      socket.once('open', () => resolve(probe));
      socket.once('unexpected-response', (_request, response) => {
        reject(new Finding(refusal(response)));
        socket.terminate();
      });
      socket.once('error', (error) => reject(new Finding(`the handshake failed: ${error.message || 'no answer'}`)));
    });
  }

  get subprotocol(): string {
    return this.socket.protocol;
  }

  get isOpen(): boolean {
    return this.end === undefined;
  }

  /** Sends a packet at once, in a frame of its own, or in slices. */
  send(packet: Packet): void {
    this.writer.write(bytesOf(packet));
    this.writer.flush();
  }

  /** Sends a packet together with others of this turn. */
  sendLater(packet: Packet): void {
    this.writer.write(bytesOf(packet));
    if (this.flushing) return;
    this.flushing = true;
    setImmediate(() => {
      this.flushing = false;
      this.writer.flush();
    });
  }

  sendText(frame: string): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(frame);
  }

  sendBinary(bytes: Buffer): void {
    this.socket.send(bytes);
  }

  /** Milliseconds until the WebSocket's own ping was answered, or `undefined` if it was not in time. */
  pong(): Promise<number | undefined> {
    const start = performance.now();
    this.socket.ping();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.address.patienceMs, undefined);
      this.socket.once('pong', () => {
        clearTimeout(timer);
        resolve(performance.now() - start);
      });
    });
  }

  /** The next packet that matches; others stay. */
  async next<P extends Packet>(what: string, matches: (packet: Packet) => packet is P): Promise<P> {
    const deadline = performance.now() + this.address.patienceMs;
    for (;;) {
      const index = this.arrived.findIndex(matches);
      if (index >= 0) return this.arrived.splice(index, 1)[0] as P;
      if (this.end) throw new Finding(`the connection ${describeEnd(this.end)} instead of ${what}`);
      if (!(await this.change(deadline))) throw new Finding(`${what} did not come within ${this.patience}`);
    }
  }

  /** How the other side ends the connection, or `undefined` if it does not in time or answers in binary. */
  async untilEnd(): Promise<End | undefined> {
    const deadline = performance.now() + this.address.patienceMs;
    while (!this.end && this.binary.length === 0 && (await this.change(deadline)));
    return this.end;
  }

  /** Ends without a word, as a network does. */
  cut(): void {
    this.socket.terminate();
  }

  /** Says goodbye and waits for the end. */
  async leave(): Promise<void> {
    if (this.end) return;
    this.send({ cmd: 'disconnect', reasonCode: 0 });
    await this.untilEnd();
    this.cut();
  }

  get patience(): string {
    return `${this.address.patienceMs / 1_000} s`;
  }

  private receive(data: Buffer, isBinary: boolean): void {
    if (isBinary) {
      this.binary.push(data);
      this.address.breach('a binary frame');
    } else {
      this.read(data.toString('latin1'));
    }
    this.awaken();
  }

  private read(frame: string): void {
    if (frame.length > mostCharacters) this.address.breach(`a frame of ${frame.length} characters`);
    try {
      if (this.parser.parse(Buffer.from(readFrame(frame))) > 0) this.address.breach('a packet that spans two frames');
    } catch (error) {
      this.address.breach((error as Error).message);
    }
  }

  private ended(code: number): void {
    const said = this.arrived.find((packet): packet is IDisconnectPacket => packet.cmd === 'disconnect');
    this.end = { code, said };
    this.awaken();
  }

  /** Whether anything happened before the deadline. */
  private change(deadline: number): Promise<boolean> {
    const left = deadline - performance.now();
    if (left <= 0) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, left, false);
      this.awaken = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }
}

export function describeEnd({ code, said }: End): string {
  const reason = said?.properties?.reasonString;
  const words = reason === undefined ? '' : `, "${reason}"`;
  const packet = said === undefined ? '' : ` and DISCONNECT 0x${(said.reasonCode ?? 0).toString(16)}${words}`;
  return `ended with ${code}${packet}`;
}

export function isConnack(packet: Packet): packet is IConnackPacket {
  return packet.cmd === 'connack';
}

export function isPublish(packet: Packet): packet is IPublishPacket {
  return packet.cmd === 'publish';
}

export function bytesOf(packet: Packet): Buffer {
  return mqtt.generate(packet, { protocolVersion });
}

function refusal({ statusCode = 0 }: IncomingMessage): string {
  const meanings: Record<number, string> = {
    401: 'who connects is not known: look at --token-file',
    403: 'it is forbidden, or the path of the address is wrong: it ends with the stage, /mqtt',
    429: 'too many handshakes a second',
    502: 'the function behind $connect failed: look at its log',
  };
  return `the handshake was answered with ${statusCode}${meanings[statusCode] ? `: ${meanings[statusCode]}` : ''}`;
}
