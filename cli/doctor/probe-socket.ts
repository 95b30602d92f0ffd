import type { IncomingMessage } from 'node:http';
import mqtt, { type IConnackPacket, type IDisconnectPacket, type IPublishPacket, type Packet } from 'mqtt-packet';
import WebSocket from 'ws';
import { FrameWriter, readFrame } from '../../clients/wire';
import { StepFailed } from './step-errors';

/** Address of the gateway, with options of each connection. */
export interface ProbeAddress {
  readonly url: string;
  /** Returns the headers of a handshake. */
  readonly headers?: () => Record<string, string>;
  /** Maximum wait for each response, in milliseconds. */
  readonly timeoutMs: number;
  /** Called for each violation of the wire format in a frame of the server. */
  readonly reportViolation: (violation: string) => void;
}

/** End of a connection by the server. */
export interface ConnectionEnd {
  /** Close code of the WebSocket. */
  readonly code: number;
  /** DISCONNECT of the server, if any. */
  readonly disconnect?: IDisconnectPacket;
}

const protocolVersion = 5;

/** Maximum size of a message that API Gateway sends, in characters. */
const maxPostCharacters = 128 * 1024;

/** WebSocket that checks each frame. MQTT libraries hide the frames, but the doctor has to see them. */
export class ProbeSocket {
  private readonly received: Packet[] = [];
  private readonly parser = mqtt.parser({ protocolVersion });
  private readonly writer = new FrameWriter((frame) => this.sendText(frame));
  private readonly binaryFrames: Buffer[] = [];
  private end: ConnectionEnd | undefined;
  private flushing = false;
  /** Wakes `waitForChange`. */
  private notifyWaiter = () => {};

  private constructor(
    private readonly socket: WebSocket,
    private readonly address: ProbeAddress,
  ) {
    this.parser.on('packet', (packet) => this.received.push(packet));
    this.parser.on('error', (error) => address.reportViolation(`a malformed packet: ${error.message}`));
    socket.on('message', (data: Buffer, isBinary) => this.receive({ data, isBinary }));
    socket.on('close', (code) => this.onClose(code));
    socket.on('error', () => {}); // `close` follows.
  }

  /** Opens a WebSocket. @throws StepFailed with the HTTP status if the server refuses the handshake. */
  static open(address: ProbeAddress, subprotocols = ['mqtt']): Promise<ProbeSocket> {
    const { url, headers, timeoutMs } = address;
    const options = { headers: headers?.(), handshakeTimeout: timeoutMs, perMessageDeflate: false };
    const socket = new WebSocket(url, subprotocols, options);
    const probe = new ProbeSocket(socket, address);
    return new Promise((resolve, reject) => {
      socket.once('open', () => resolve(probe));
      socket.once('unexpected-response', (_request, response) => {
        reject(new StepFailed(describeRefusedHandshake(response)));
        socket.terminate();
      });
      socket.once('error', (error) =>
        reject(new StepFailed(`the handshake failed: ${error.message || 'no response'}`)),
      );
    });
  }

  get subprotocol(): string {
    return this.socket.protocol;
  }

  get isOpen(): boolean {
    return this.end === undefined;
  }

  /** Sends a packet immediately, in a frame of its own, or in slices if it is large. */
  send(packet: Packet): void {
    this.writer.write(encodePacket(packet));
    this.writer.flush();
  }

  /** Sends a packet at the end of this turn of the event loop, in one frame with others. */
  sendLater(packet: Packet): void {
    this.writer.write(encodePacket(packet));
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

  /** Sends a WebSocket ping. Returns the milliseconds until its pong, or `undefined` after the timeout. */
  measurePong(): Promise<number | undefined> {
    const start = performance.now();
    this.socket.ping();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.address.timeoutMs, undefined);
      this.socket.once('pong', () => {
        clearTimeout(timer);
        resolve(performance.now() - start);
      });
    });
  }

  /** Waits for a packet that matches, and removes it from the received ones. @throws StepFailed on timeout or close. */
  async next<P extends Packet>(expected: string, matches: (packet: Packet) => packet is P): Promise<P> {
    const deadline = performance.now() + this.address.timeoutMs;
    for (;;) {
      const index = this.received.findIndex(matches);
      if (index >= 0) return this.received.splice(index, 1)[0] as P;
      if (this.end) throw new StepFailed(`the connection ${describeEnd(this.end)} instead of ${expected}`);
      if (!(await this.waitForChange(deadline)))
        throw new StepFailed(`${expected} did not arrive within ${this.timeout}`);
    }
  }

  /** Waits for the end of the connection. Returns `undefined` after the timeout, or if the server sends a binary frame. */
  async waitForEnd(): Promise<ConnectionEnd | undefined> {
    const deadline = performance.now() + this.address.timeoutMs;
    while (!this.end && this.binaryFrames.length === 0 && (await this.waitForChange(deadline)));
    return this.end;
  }

  /** Closes the connection without DISCONNECT, as a lost network does. */
  terminate(): void {
    this.socket.terminate();
  }

  /** Sends DISCONNECT and waits for the end of the connection. */
  async disconnect(): Promise<void> {
    if (this.end) return;
    this.send({ cmd: 'disconnect', reasonCode: 0 });
    await this.waitForEnd();
    this.terminate();
  }

  get timeout(): string {
    return `${this.address.timeoutMs / 1_000} s`;
  }

  private receive({ data, isBinary }: { readonly data: Buffer; readonly isBinary: boolean }): void {
    if (isBinary) {
      this.binaryFrames.push(data);
      this.address.reportViolation('a binary frame');
    } else {
      this.read(data.toString('latin1'));
    }
    this.notifyWaiter();
  }

  private read(frame: string): void {
    if (frame.length > maxPostCharacters) this.address.reportViolation(`a frame of ${frame.length} characters`);
    try {
      if (this.parser.parse(Buffer.from(readFrame(frame))) > 0)
        this.address.reportViolation('a packet that spans two frames');
    } catch (error) {
      this.address.reportViolation((error as Error).message);
    }
  }

  private onClose(code: number): void {
    const disconnect = this.received.find((packet): packet is IDisconnectPacket => packet.cmd === 'disconnect');
    this.end = { code, disconnect };
    this.notifyWaiter();
  }

  /** Waits for a frame or the end of the connection. Resolves to false at the deadline. */
  private waitForChange(deadline: number): Promise<boolean> {
    const left = deadline - performance.now();
    if (left <= 0) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, left, false);
      this.notifyWaiter = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }
}

export function describeEnd({ code, disconnect }: ConnectionEnd): string {
  const reason = disconnect?.properties?.reasonString;
  const reasonText = reason === undefined ? '' : `, "${reason}"`;
  const packet =
    disconnect === undefined ? '' : ` and DISCONNECT 0x${(disconnect.reasonCode ?? 0).toString(16)}${reasonText}`;
  return `ended with ${code}${packet}`;
}

export function isConnack(packet: Packet): packet is IConnackPacket {
  return packet.cmd === 'connack';
}

export function isPublish(packet: Packet): packet is IPublishPacket {
  return packet.cmd === 'publish';
}

export function encodePacket(packet: Packet): Buffer {
  return mqtt.generate(packet, { protocolVersion });
}

function describeRefusedHandshake({ statusCode = 0 }: IncomingMessage): string {
  const meanings: Record<number, string> = {
    401: 'the token is missing or invalid: check --token-file',
    403: 'the handshake is forbidden, or the path is wrong: it must end with the stage, /mqtt',
    429: 'too many handshakes per second',
    502: 'the $connect function failed: check its log',
  };
  return `the handshake returned HTTP status ${statusCode}${meanings[statusCode] ? `: ${meanings[statusCode]}` : ''}`;
}
