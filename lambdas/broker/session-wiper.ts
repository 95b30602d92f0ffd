import { shapeOf } from '../protocol/shape';
import { subscriptionName } from '../protocol/subscription-name';
import type { Deliverer } from './deliver';
import type { Dispatch } from './dispatch';
import type { Arrival } from './mail';
import { inParallel, together } from './parallel';
import type { Ports } from './ports';
import { mailFor } from './publish';
import type { RingItem, SessionId, SharedSubscription } from './records';
import { chooseAmong } from './share';

/** Index rows removed at the same time. */
const parallelRows = 50;

/** Removes what sessions leave behind when they end. */
export class SessionWiper {
  constructor(
    private readonly ports: Ports,
    private readonly deliverer: Deliverer,
    private readonly dispatch: Dispatch,
  ) {}

  /**
   * Removes the rows of its subscriptions, then its messages; those that came through a share go to another member, unless
   * they were sent at QoS 2 [MQTT-4.8.2-5]. Safe to repeat.
   */
  async wipe(clientId: string, session: SessionId): Promise<void> {
    const names = await this.ports.sessions.subscriptions(session);
    await inParallel(names, parallelRows, (name) => {
      const { filter, share } = subscriptionName(name, 5);
      return this.ports.topicIndex.remove({ filter, clientId, session, share });
    });
    if (names.length > 0) {
      const shapes = new Set(names.map((name) => shapeOf(subscriptionName(name, 5).filter)));
      await this.ports.shapeChecks.request([...shapes]);
    }
    if (names.some((name) => subscriptionName(name, 5).share !== undefined)) await this.handOver(session);
    await together([this.ports.sessions.removeSubscriptions(session, names), this.ports.inflight.clear(session)]);
  }

  /** The same for an older session that the head of its client still names. */
  async finish(clientId: string, session: SessionId): Promise<void> {
    await this.wipe(clientId, session);
    await this.ports.sessions.wiped(clientId, session);
  }

  private async handOver(session: SessionId): Promise<void> {
    const items: RingItem[] = [];
    for await (const page of this.ports.inflight.everything(session)) {
      items.push(...page.filter(({ sentOn, qos }) => sentOn === '' || qos === 1)); // section 4.8.2
    }
    for (const item of items.sort((one, other) => one.number - other.number)) {
      for (const { message, share, packetId } of item.messages) {
        if (share) await this.passOn(share, { message, id: `left#${session}#${item.number}#${packetId}` });
      }
    }
    await this.dispatch.sendMessages(); // while a next attempt would still find them
  }

  private async passOn({ filter, share }: SharedSubscription, { message, id }: Pick<Arrival, 'message' | 'id'>) {
    const rows = await this.ports.topicIndex.subscribers(filter);
    const members = rows.filter((row) => row.share === share);
    const arrival: Arrival = { message, id, replay: false, attempted: true, retained: false };
    const chosen = await chooseAmong(this.ports, arrival, members);
    if (chosen.length > 0) await this.deliverer.deliver(mailFor([arrival], () => chosen));
  }
}
