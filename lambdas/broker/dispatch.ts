import { Outbox, type RingStake } from './outbox';
import { inParallel } from './parallel';
import type { Ports } from './ports';
import type { SessionId } from './records';

const parallelAsks = 50;

/** What one turn sends, and whose head it has to look at once more. */
export class Dispatch {
  readonly outbox: Outbox;
  /** Per client id the connection its new ring items were posted to, or undefined when they were not. */
  private looks = new Map<string, string | undefined>();
  private readonly dropped: { readonly session: SessionId; readonly packetId: number }[] = [];

  constructor(
    private readonly ports: Ports,
    own?: ConstructorParameters<typeof Outbox>[1],
  ) {
    this.outbox = new Outbox(ports, own);
  }

  /** Ring items were put for this client and posted to this connection, or to none. */
  placed(clientId: string, postedTo: string | undefined): void {
    const consistent = !this.looks.has(clientId) || this.looks.get(clientId) === postedTo;
    this.looks.set(clientId, consistent ? postedTo : undefined);
  }

  /** The client does not take packets that large: as if the message had been sent and acknowledged [MQTT-3.1.2-25]. */
  tooLarge({ session, clientId }: RingStake, packetId: number): void {
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
    await this.outbox.sendAnswers();
  }

  /** Posts the messages and looks, side by side. */
  async sendMessages(): Promise<void> {
    await Promise.all([this.outbox.sendMessages(), this.look(), this.drop()]);
  }

  /**
   * Put, then look; a connecting client owns, then queries: one of the two always sees the other. Whoever is found to own
   * the session and was not posted to is asked to query its ring.
   */
  private async look(): Promise<void> {
    const looks = this.looks;
    this.looks = new Map();
    if (looks.size === 0) return;
    const heads = await this.ports.sessions.heads([...looks.keys()]);
    const missed = [...heads.values()].filter(({ clientId, owner }) => owner && owner !== looks.get(clientId));
    await inParallel(missed, parallelAsks, ({ clientId, owner }) => ask(this.ports, clientId, owner ?? ''));
  }
}

/** Tells the owner of a session that something waits in its ring. */
export async function ask(ports: Ports, clientId: string, owner: string): Promise<void> {
  const asked = await ports.sessions.ask(clientId, owner);
  if (asked !== 'gone') await ports.packets.wake(owner, asked);
}
