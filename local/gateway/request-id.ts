import { randomFillSync } from 'node:crypto';

// Eleven bytes make 16 characters in base64, the last of them `=`.
const idBytes = 11;

// One call for many ids: asking the system for every frame costs more than the rest of its way into the queue.
const pool = Buffer.alloc(idBytes * 1024);
let used = pool.length;

/** An id as API Gateway makes them for connections and requests: `JC1dgf9yoAMCK-g=`. */
export function gatewayId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += idBytes;
  return pool
    .toString('base64', used - idBytes, used)
    .replaceAll('+', '-')
    .replaceAll('/', '_');
}
