import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import WebSocket from 'ws';
import type { SocketEventType } from '../../clients/socket-events';
import { CirrusWebSocket, type TextSocketClass } from '../../clients/websocket';
import { startTextGateway, type TextGateway } from './support/text-gateway';

const connectPacket = Uint8Array.from(Buffer.from('100d00044d515454040200140001', 'hex')).slice();
const clientId = Uint8Array.of(0x61);

let gateway: TextGateway;

beforeAll(async () => {
  gateway = await startTextGateway();
});

afterAll(() => gateway.close());

/** Uses a WebSocket like Paho: with `on...` handlers and ArrayBuffers. */
function openLikePaho() {
  const socket = new CirrusWebSocket(gateway.url, ['mqtt'], { WebSocket: WebSocket as unknown as TextSocketClass });
  const packets: string[] = [];
  socket.binaryType = 'arraybuffer';
  socket.onmessage = (event) => {
    const { data } = event as unknown as { data: ArrayBuffer };
    packets.push(Buffer.from(new Uint8Array(data)).toString('hex'));
  };
  return { socket, packets };
}

const told = (socket: CirrusWebSocket, type: SocketEventType) =>
  new Promise<{ message?: string; reason?: string }>((resolve) =>
    socket.addEventListener(type, (event) => resolve(event as object), { once: true }),
  );

describe('CirrusWebSocket', () => {
  it('has the interface of a WebSocket', async () => {
    const { socket } = openLikePaho();

    expect([socket.CONNECTING, socket.OPEN, socket.CLOSING, socket.CLOSED]).toEqual([0, 1, 2, 3]);
    expect(CirrusWebSocket.OPEN).toBe(1);
    expect(socket.readyState).toBe(socket.CONNECTING);
    expect(() => socket.send(connectPacket)).toThrow('still connecting');
    await told(socket, 'open');
    expect([socket.readyState, socket.protocol, socket.url]).toEqual([socket.OPEN, 'mqtt', gateway.url]);
    socket.close();
    await told(socket, 'close');
    expect(socket.readyState).toBe(socket.CLOSED);
    expect(() => socket.send(connectPacket)).not.toThrow();
  });

  it('accepts packets in any chunks, in reused memory, and delivers ArrayBuffers', async () => {
    const { socket, packets } = openLikePaho();
    await told(socket, 'open');
    const reused = connectPacket.slice();

    socket.send(reused);
    socket.send(clientId.buffer as ArrayBuffer);
    expect(socket.bufferedAmount).toBe(15);
    reused.fill(0);

    await told(socket, 'message');
    expect(packets).toEqual(['20020000']);
    socket.close();
    await told(socket, 'close');
    expect(gateway.breaches).toEqual([]);
  });

  it('sends pending packets before it closes', async () => {
    const { socket } = openLikePaho();
    await told(socket, 'open');
    const framesBefore = gateway.frameSizes.length;

    socket.send(Uint8Array.of(...connectPacket, ...clientId, 0xe0, 0));
    socket.close();

    await told(socket, 'close');
    expect(gateway.frameSizes.slice(framesBefore)).toEqual([17]);
  });

  it('ends with the message of the gateway', async () => {
    const { socket } = openLikePaho();
    await told(socket, 'open');
    const [error, close] = [told(socket, 'error'), told(socket, 'close')];

    for (const server of gateway.sockets) server.send('{"message": "Forbidden"}');

    expect((await error).message).toBe('gateway: Forbidden');
    expect((await close).reason).toBe('gateway: Forbidden');
  });

  it('refuses text', async () => {
    const { socket } = openLikePaho();
    await told(socket, 'open');

    expect(() => socket.send('text' as unknown as ArrayBuffer)).toThrow('MQTT packets are bytes, not text');
    await told(socket, 'close');
  });
});
