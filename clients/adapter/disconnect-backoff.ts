import { createHash } from 'node:crypto';
import type { Clock } from './clock';
import type { ConnectPacket } from './connect-packet';

/** The pause after the second refusal in a row, and the longest one. */
const shortestPauseMs = 30_000;
const longestPauseMs = 3_600_000;

/** A client that was refused nothing for this long begins anew. */
const forgetMs = 2 * longestPauseMs;

/** Client ids that are remembered; the one that was refused longest ago is forgotten for another. */
const mostClients = 1_000;

/**
 * Spaces out the connections that end because of a packet that cannot be refused in another way. Clients send such a packet
 * again as soon as they are back, and each reconnect is billed. So the first ends the connection at once, for the client to
 * notice, and after the next ones it goes on for a while, in which the packet is withheld and all others pass.
 */
export class Refusals {
  private readonly clients = new Map<string, { count: number; at: number }>();

  constructor(private readonly clock: Clock) {}

  /** Notes a refusal of a client, named by `refusalKey`; returns how many milliseconds later the connection of the client ends. */
  pauseAfter(client: string): number {
    const now = this.clock.now();
    const last = this.clients.get(client);
    const count = last && now - last.at < forgetMs ? last.count + 1 : 1;
    this.clients.delete(client); // its new entry is the youngest
    this.clients.set(client, { count, at: now });
    if (this.clients.size > mostClients) this.clients.delete(this.clients.keys().next().value!);
    return count === 1 ? 0 : Math.min(longestPauseMs, shortestPauseMs * 2 ** (count - 2));
  }
}

/** Stands for a client id with its credentials: others may send the same client id, and count as others. */
export function refusalKey(connect: ConnectPacket | undefined): string {
  const { clientId = '', credentials = '' } = connect ?? {};
  return createHash('sha256').update(`${clientId.length} ${clientId}`).update(credentials).digest('base64');
}
