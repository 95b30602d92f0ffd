import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Place, Stage } from './connection-limit';

/**
 * Bytes of WebSocket messages that may wait for their end. CONNECT has 24,564 bytes at most, and any other packet 97,280;
 * who is connected may share a message among packets as it likes, up to the limit of a message.
 */
const waitingBytes: Readonly<Record<Stage, number>> = {
  silent: 32_768,
  greeted: 131_072,
  connected: Number.POSITIVE_INFINITY,
};

/** Ends a WebSocket with 1009 when its client, not connected yet, makes too many bytes wait for the end of their message. */
export function limitEarlyBytes(socket: WebSocket, below: Duplex, place: Place): void {
  let waiting = 0;
  socket.on('message', () => {
    waiting = 0;
  });
  below.prependListener('data', (chunk: Buffer) => {
    waiting += chunk.length;
    if (waiting <= waitingBytes[place.stage]) return;
    socket.close(1009);
    socket.terminate(); // Its answer to the close would only be waited for.
  });
}
