import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { ConnectionPermit, Stage } from './connection-limit';

/**
 * Maximum bytes of an incomplete WebSocket message, by the stage of its connection. CONNECT has at most 24,564 bytes, any other
 * packet 97,280. A connected client may put several packets into a message, up to the limit of `ws`.
 */
const maxIncompleteBytes: Readonly<Record<Stage, number>> = {
  opened: 32_768,
  connecting: 131_072,
  connected: Number.POSITIVE_INFINITY,
};

/** Closes a WebSocket with 1009 if its client sends too large an incomplete message before it is connected. */
export function limitEarlyBytes(socket: WebSocket, below: Duplex, permit: ConnectionPermit): void {
  let incompleteBytes = 0;
  socket.on('message', () => {
    incompleteBytes = 0;
  });
  below.prependListener('data', (chunk: Buffer) => {
    incompleteBytes += chunk.length;
    if (incompleteBytes <= maxIncompleteBytes[permit.stage]) return;
    socket.close(1009);
    socket.terminate(); // Does not wait for the client's close frame.
  });
}
