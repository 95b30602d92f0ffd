import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type WebSocket, WebSocketServer } from 'ws';
import { wholePacketBytes } from './packets';

/** A gateway of text frames in front of a real broker; it records violations of API Gateway's limits and of the wire format. */
export interface TextGateway {
  url: string;
  /** Raw sizes of the frames of all connections, in order of arrival. */
  frameSizes: number[];
  /** Violations by clients. */
  breaches: string[];
  sockets: Set<WebSocket>;
  close(): Promise<void>;
}

/** Starts the gateway on a free port. */
export async function startTextGateway(): Promise<TextGateway> {
  const broker = new Worker(join(__dirname, 'aedes-broker.mjs'));
  const [brokerPort] = await once(broker, 'message');
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  await once(server, 'listening');
  const gateway: TextGateway = {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    frameSizes: [],
    breaches: [],
    sockets: server.clients,
    close: async () => {
      for (const socket of server.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
      await broker.terminate();
    },
  };
  server.on('connection', (socket, request) => {
    if (socket.protocol !== 'mqtt') gateway.breaches.push(`subprotocol "${socket.protocol}" on ${request.url}`);
    relay(socket, connect({ port: brokerPort, host: '127.0.0.1', noDelay: true }), gateway);
  });
  return gateway;
}

function relay(socket: WebSocket, broker: Socket, gateway: TextGateway): void {
  const check = frameChecker(gateway);
  socket.on('message', (data: Buffer, isBinary: boolean) => broker.write(check(data.toString(), isBinary)));
  socket.on('close', () => broker.destroy());
  broker.on('data', wholePacketPoster(socket));
  broker.on('error', () => socket.close());
  broker.on('close', () => socket.close());
}

/** Checks the frames of one connection and returns their raw bytes. */
function frameChecker(gateway: TextGateway): (frame: string, isBinary: boolean) => Buffer {
  let expected = 1;
  let slices = Buffer.alloc(0);
  return (frame, isBinary) => {
    const [number, base64 = ''] = frame.split('.');
    const bytes = Buffer.from(base64, 'base64');
    const stream = Buffer.concat([slices, bytes]);
    const whole = wholePacketBytes(stream);
    if (isBinary) gateway.breaches.push('binary frame');
    if (number !== String(expected)) gateway.breaches.push(`frame ${number} instead of ${expected}`);
    if (bytes.toString('base64') !== base64) gateway.breaches.push(`not base64: ${base64.slice(0, 40)}`);
    if (frame.length > 32_768) gateway.breaches.push(`frame of ${frame.length} characters`);
    if (whole !== 0 && whole !== stream.length) gateway.breaches.push('frame ends inside a second packet');
    if (whole === 0 && bytes.length < 24_564) gateway.breaches.push(`slice of only ${bytes.length} bytes`);
    slices = stream.subarray(whole);
    expected += 1;
    gateway.frameSizes.push(bytes.length);
    return bytes;
  };
}

/** Sends the whole packets of a turn in one frame, as one invocation does. */
function wholePacketPoster(socket: WebSocket): (chunk: Buffer) => void {
  let pending: Buffer[] = [];
  const postTurn = () => {
    const bytes = Buffer.concat(pending);
    const whole = wholePacketBytes(bytes, 98_304);
    pending = [bytes.subarray(whole)];
    if (whole === 0) return;
    socket.send(bytes.toString('base64', 0, whole), () => setImmediate(postTurn));
  };
  return (chunk) => {
    if (pending.length < 2) setImmediate(postTurn);
    pending.push(chunk);
  };
}
