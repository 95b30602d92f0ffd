import { createHash } from 'node:crypto';
import { type Backoff, backoffMs } from '../../lambdas/shared/backoff';
import { LruMap } from '../../lambdas/shared/lru-map';
import type { Clock } from './clock';
import type { ConnectDetails } from './connect-packet';

/** Delays after the second and each further refusal in a row. */
const backoff: Backoff = { firstMs: 30_000, maxMs: 3_600_000, jitter: 0 };

/** The count of a client starts again after this time without a refusal. */
const forgetMs = 2 * backoff.maxMs;

/** Number of clients whose refusals are counted; the one with the oldest refusal is removed for a new one. */
const maxClients = 1_000;

/**
 * Delays disconnects because of an oversized packet that has no negative acknowledgement. Clients send such a packet again after
 * each reconnect, and each reconnect is billed. The first refusal disconnects at once, so that the client notices. Later ones
 * disconnect after a growing delay, in which the adapter withholds the packet and forwards all others.
 */
export class DisconnectBackoff {
  private readonly clients = new LruMap<string, { count: number; at: number }>({ maxSize: maxClients });

  constructor(private readonly clock: Clock) {}

  /**
   * Counts a refusal.
   *
   * @param client from `clientKey`
   * @returns milliseconds until the connection of the client is to end
   */
  delayAfterRefusal(client: string): number {
    const now = this.clock.now();
    const last = this.clients.get(client);
    const count = last && now - last.at < forgetMs ? last.count + 1 : 1;
    this.clients.set(client, { count, at: now });
    return count === 1 ? 0 : backoffMs(count - 1, backoff);
  }
}

/** Identifies a client by client id and credentials, because other clients may send the same client id. A hash: it holds no secret. */
export function clientKey(connect: ConnectDetails | undefined): string {
  const { clientId = '', credentials = '' } = connect ?? {};
  return createHash('sha256').update(`${clientId.length} ${clientId}`).update(credentials).digest('base64');
}
