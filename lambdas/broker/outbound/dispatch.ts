import { inParallel, together } from '../../shared/parallel';
import type { SessionId } from '../model/fence';
import type { QueueItem } from '../model/queued-message';
import type { SessionItem } from '../model/session';
import type { Ports } from '../ports/ports';
import { isDrainScheduled } from './congestion';
import { Outbox, type OutboxOptions, type QueueSource } from './outbox';

const parallelAsks = 50;

/** A client for whom something was put into its ring. */
interface Look {
  /** The connection it was posted to, or undefined when it was not. */
  readonly postedTo: string | undefined;
  readonly items: readonly QueueItem[];
}

/** What one turn sends, and whose head it has to look at once more. */
export class Dispatch {
  readonly outbox: Outbox;
  /** By client id. */
  private looks = new Map<string, Look>();
  private afterwards: (() => Promise<void>)[] = [];
  private readonly dropped: { readonly session: SessionId; readonly packetId: number }[] = [];

  private readonly ports: Ports;

  constructor(options: OutboxOptions) {
    this.ports = options.ports;
    this.outbox = new Outbox(options);
  }

  /** Ring items were put for this client and posted to this connection, or to none. */
  placed(clientId: string, postedTo: string | undefined, items: readonly QueueItem[] = []): void {
    const earlier = this.looks.get(clientId);
    const consistent = !earlier || earlier.postedTo === postedTo;
    this.looks.set(clientId, {
      postedTo: consistent ? postedTo : undefined,
      items: [...(earlier?.items ?? []), ...items],
    });
  }

  /** Calls back once, when everything that was placed and added until then has been sent. */
  whenSent(call: () => Promise<void>): void {
    this.afterwards.push(call);
  }

  /** The client does not take packets that large: as if the message had been sent and acknowledged [MQTT-3.1.2-25]. */
  tooLarge({ session, clientId, packetId }: QueueSource): void {
    this.ports.log('packet too large', { clientId, packetId });
    this.ports.metrics.count('DroppedTooLarge');
    this.dropped.push({ session, packetId });
  }

  private async drop(): Promise<void> {
    const dropped = this.dropped.splice(0);
    await inParallel(dropped, parallelAsks, ({ session, packetId }) => this.ports.inflight.remove(session, [packetId]));
  }

  /**
   * Messages leave before the answers that let their publisher go on: should every attempt at a turn die, either the
   * publisher sends them again or they have left.
   */
  async send(): Promise<void> {
    await this.sendMessages();
    await this.outbox.sendResponses();
  }

  /** Posts the messages and looks, side by side. */
  async sendMessages(): Promise<void> {
    const afterwards = this.afterwards;
    this.afterwards = [];
    await together([this.outbox.sendMessages(), this.look(), this.drop()]);
    await inParallel(afterwards, parallelAsks, (call) => call());
  }

  /**
   * Put, then look; a connecting client owns, then queries: one of the two always sees the other. Whoever is found to own
   * the session and was not posted to is asked to query its ring.
   */
  private async look(): Promise<void> {
    const looks = this.looks;
    this.looks = new Map();
    if (looks.size === 0) return;
    const heads = await this.ports.sessions.readMany([...looks.keys()]);
    const now = this.ports.now();
    const missed = [...heads.values()].filter(
      (head) => head.owner && head.owner !== looks.get(head.clientId)?.postedTo && !isDrainScheduled(head, now),
    );
    await together([
      inParallel(missed, parallelAsks, ({ clientId, owner }) => requestWake(this.ports, clientId, owner ?? '')),
      this.takeBack([...looks].flatMap(([clientId, { items }]) => orphans(items, heads.get(clientId)))),
    ]);
  }

  private async takeBack(items: readonly QueueItem[]): Promise<void> {
    if (items.length > 0) await this.ports.inflight.discard(items);
  }
}

/**
 * What was put after its session had ended and its ring had been cleared, and nobody would ever remove. The session ends before
 * its ring is cleared: one of the two always sees the other. What came through a share is for who clears to pass on.
 */
function orphans(items: readonly QueueItem[], head: SessionItem | undefined): readonly QueueItem[] {
  return items.filter(
    ({ session, messages }) => head?.session !== session && messages.every(({ share }) => share === undefined),
  );
}

/** Tells the owner of a session that something waits in its ring. */
export async function requestWake(ports: Ports, clientId: string, owner: string): Promise<void> {
  const asked = await ports.sessions.requestWake(clientId, owner);
  if (asked !== 'gone') await ports.packets.wake(owner, asked);
}
