import type { ConsoleConfig } from '../config';
import { ApiSession } from './api-session';
import { type Bill, Costs } from './costs';
import { type Message, MessageLog } from './message-log';
import type { ConnectRequest, PublishRequest, SubscribeRequest } from './requests';
import { Session, type Status } from './session';
import { TopicTree } from './topic-tree';
import { Traffic } from './traffic';

/** Everything that the page knows and can do. */
export class Workbench {
  readonly log = new MessageLog();
  readonly tree = new TopicTree();
  readonly traffic = new Traffic();
  readonly session = new Session((message) => this.hear(message));
  readonly office: ApiSession;
  /** Only the local cloud has a bill. */
  readonly costs: Costs | undefined;
  private status: Status = 'offline';

  constructor(
    readonly config: ConsoleConfig,
    readonly address: string,
    origin: string,
  ) {
    this.office = new ApiSession(config.api, origin, config.local === true);
    this.costs = config.local && new Costs({ read: readBill, settled });
    this.session.watch(() => this.noteConnection());
  }

  connect(wish: ConnectRequest): void {
    this.costs?.begin(Date.now());
    this.session.connect(wish);
  }

  async subscribe(wish: SubscribeRequest): Promise<void> {
    this.costs?.begin(Date.now());
    await this.session.subscribe(wish);
    this.costs?.did(`subscribe ${wish.filter}`);
  }

  async unsubscribe(filter: string): Promise<void> {
    this.costs?.begin(Date.now());
    await this.session.unsubscribe(filter);
    this.costs?.did(`unsubscribe ${filter}`);
  }

  async publish(wish: PublishRequest): Promise<void> {
    this.costs?.begin(Date.now());
    await this.session.publish(wish);
    this.traffic.count('out', Date.now());
    this.costs?.did(`publish QoS ${wish.qos} ${wish.topic}`);
  }

  async listRetained(): Promise<void> {
    const entries = await this.office.retained();
    if (this.office.trouble === '') this.tree.listed(entries);
  }

  /** By an empty retained message if connected, which subscribers hear of; otherwise by the API. */
  async clearRetained(topic: string): Promise<void> {
    if (this.session.status === 'online') {
      await this.publish({ topic, payload: new Uint8Array(), qos: 1, retain: true, properties: {} });
    } else {
      await this.office.clearRetained(topic);
      if (this.office.trouble !== '') throw new Error(this.office.trouble);
    }
    this.tree.cleared(topic);
  }

  private noteConnection(): void {
    const { status, wish } = this.session;
    if (status === 'online' && this.status !== 'online') this.costs?.did(`connect ${wish?.clientId}`);
    this.status = status;
  }

  private hear(message: Omit<Message, 'number'>): void {
    this.traffic.count('in', message.receivedAt);
    this.tree.heard(this.log.add(message));
  }
}

async function readBill(): Promise<Bill> {
  return (await fetch('/bill')).json();
}

/** Until then a frame has arrived that left just now, at QoS 0 without an answer: requests take another connection. */
const arrivalMilliseconds = 100;

/** Under steady load the broker is never idle; then what was done meanwhile counts, too. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, arrivalMilliseconds));
  await fetch('/settled', { signal: AbortSignal.timeout(2_000) }).catch(() => {});
}
