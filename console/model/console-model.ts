import type { ConsoleConfig } from '../config';
import { ApiSession } from './api-session';
import { type Bill, Costs } from './costs';
import { type Message, MessageLog } from './message-log';
import type { ConnectRequest, PublishRequest, SubscribeRequest } from './requests';
import { Session, type Status } from './session';
import { TopicTree } from './topic-tree';
import { Traffic } from './traffic';

/** State and operations of the page. Each operation that reaches the broker is measured by `costs`. */
export class ConsoleModel {
  readonly log = new MessageLog();
  readonly tree = new TopicTree();
  readonly traffic = new Traffic();
  readonly session = new Session((message) => this.receive(message));
  readonly api: ApiSession;
  /** Only the local cloud has a bill. */
  readonly costs: Costs | undefined;
  private status: Status = 'offline';

  constructor(
    readonly config: ConsoleConfig,
    readonly address: string,
    origin: string,
  ) {
    this.api = new ApiSession(config, origin);
    this.costs = config.local && new Costs({ read: readBill, waitUntilIdle });
    this.session.observe(() => this.recordConnect());
  }

  connect(request: ConnectRequest): void {
    this.costs?.holdRefresh(Date.now());
    this.session.connect(request);
  }

  /** @throws Error with the reason why the broker or the page refuses the subscription. */
  async subscribe(request: SubscribeRequest): Promise<void> {
    this.costs?.holdRefresh(Date.now());
    await this.session.subscribe(request);
    this.costs?.recordOperation(`subscribe ${request.filter}`);
  }

  async unsubscribe(filter: string): Promise<void> {
    this.costs?.holdRefresh(Date.now());
    await this.session.unsubscribe(filter);
    this.costs?.recordOperation(`unsubscribe ${filter}`);
  }

  /** @throws Error with the reason why the broker or the page refuses the message. */
  async publish(request: PublishRequest): Promise<void> {
    this.costs?.holdRefresh(Date.now());
    await this.session.publish(request);
    this.traffic.count('out', Date.now());
    this.costs?.recordOperation(`publish QoS ${request.qos} ${request.topic}`);
  }

  async listRetained(): Promise<void> {
    const entries = await this.api.retained();
    if (this.api.error === '') this.tree.setRetained(entries);
  }

  /**
   * Clears a retained message: by an empty retained message if the page is connected, which subscribers receive, otherwise
   * by the API.
   */
  async clearRetained(topic: string): Promise<void> {
    if (this.session.status === 'online') {
      await this.publish({ topic, payload: new Uint8Array(), qos: 1, retain: true, properties: {} });
    } else {
      await this.api.clearRetained(topic);
      if (this.api.error !== '') throw new Error(this.api.error);
    }
    this.tree.removeRetained(topic);
  }

  private recordConnect(): void {
    const { status, request } = this.session;
    if (status === 'online' && this.status !== 'online') this.costs?.recordOperation(`connect ${request?.clientId}`);
    this.status = status;
  }

  private receive(message: Omit<Message, 'number'>): void {
    this.traffic.count('in', message.receivedAt);
    this.tree.addMessage(this.log.add(message));
  }
}

async function readBill(): Promise<Bill> {
  return (await fetch('/bill')).json();
}

/** Time in which a frame at QoS 0 has arrived, which has no response. HTTP requests use another connection. */
const arrivalDelayMs = 100;

/** Waits until the local cloud is idle, for at most two seconds: under steady load it never is. */
async function waitUntilIdle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, arrivalDelayMs));
  await fetch('/settled', { signal: AbortSignal.timeout(2_000) }).catch(() => {});
}
