import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { type Fence, fenceOf } from '../../lambdas/broker/model/fence';
import { DynamoInflightStore } from '../../lambdas/storage/inflight-store';
import { DynamoSessionStore } from '../../lambdas/storage/session-store';
import { DynamoTopicIndex } from '../../lambdas/storage/topic-index';
import type { Cloud } from '../../local/cloud';
import { tablePrefix } from '../../local/lambda/environment';
import { message } from '../storage/support/messages';

const day = 24 * 3600 * 1000;

/** Creates rows that the broker had no chance to remove, of sessions that started two days ago. */
export class StrandedSessions {
  private readonly db: DynamoDBClient;
  private readonly sessions: DynamoSessionStore;
  private readonly index: DynamoTopicIndex;
  private readonly inflight: DynamoInflightStore;
  private made = 0;

  /** All sessions belong to one user and have a subscription to `filter`, whose shape is already listed. */
  constructor(
    private readonly cloud: Cloud,
    private readonly filter: string,
    private readonly username: string,
  ) {
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    this.db = new DynamoDBClient({ endpoint: cloud.endpoints.dynamodb, region: 'us-east-1', credentials });
    this.sessions = new DynamoSessionStore(this.db, `${tablePrefix}sessions`);
    this.index = new DynamoTopicIndex(this.db, `${tablePrefix}topicIndex`);
    this.inflight = new DynamoInflightStore({
      db: this.db,
      dbWithoutRetries: this.db,
      table: `${tablePrefix}inflight`,
      now: () => cloud.clock.now(),
    });
  }

  stop(): void {
    this.db.destroy();
  }

  /** Creates a session whose client is disconnected and may resume it. */
  async away(clientId: string): Promise<void> {
    await this.sessions.release(clientId, await this.begin(clientId));
  }

  /** Creates a session that expired a day ago and was not removed. */
  async expired(clientId: string): Promise<void> {
    const sessionEndsAt = this.cloud.clock.now() - day;
    await this.sessions.release(clientId, await this.begin(clientId), { sessionEndsAt });
  }

  /** Creates a session whose CONNECT died in every attempt, so that its owner is not stored. It would end with that connection. */
  async ownedByNobody(clientId: string): Promise<void> {
    await this.begin(clientId, false);
  }

  /** Creates the rows of a session without its session item, so that its client is unknown. */
  async headless(clientId: string): Promise<void> {
    await this.sessions.end(clientId, await this.begin(clientId));
  }

  /** Lets all containers read the rows. */
  async touch(shape: string): Promise<void> {
    await this.index.touch(shape);
  }

  /** Creates a session with a subscription, a will and a queued message. */
  private async begin(clientId: string, persistent = true): Promise<Fence> {
    const connectionId = `stranded-${++this.made}=`;
    const fence = fenceOf(this.cloud.clock.now() - 2 * day, connectionId);
    const claim = { clientId, connectionId, fence, cleanStart: true, persistent, version: 5 } as const;
    await this.sessions.claimFresh({ ...claim, capabilities: {}, identity: { kind: 'user', username: this.username } });
    await this.sessions.putWill(clientId, connectionId, { message: message(`will/${connectionId}`), delay: 0 });
    await this.sessions.putSubscriptions(fence, [this.filter]);
    await this.index.put({ filter: this.filter, clientId, session: fence, qos: 1 });
    await this.inflight.putInOrder([
      {
        ...{ session: fence, slot: 1, number: 1, qos: 1, state: 'published', sentOn: '', sentBy: '' },
        messages: [{ packetId: 1, message: message('calm/a'), retain: false }],
      },
    ]);
    return fence;
  }
}
