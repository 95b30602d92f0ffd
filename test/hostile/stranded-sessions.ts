import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { type Fence, fenceOf } from '../../lambdas/broker/model/fence';
import { DynamoInflightStore } from '../../lambdas/storage/inflight-store';
import { DynamoSessionStore } from '../../lambdas/storage/session-store';
import { DynamoTopicIndex } from '../../lambdas/storage/topic-index';
import type { Cloud } from '../../local/cloud';
import { tablePrefix } from '../../local/lambda/environment';
import { message } from '../storage/support/messages';

const day = 24 * 3600 * 1000;

/** Rows as they lie in the tables when the broker had no chance to remove them, all of sessions that began two days ago. */
export class StrandedSessions {
  private readonly db: DynamoDBClient;
  private readonly sessions: DynamoSessionStore;
  private readonly index: DynamoTopicIndex;
  private readonly inflight: DynamoInflightStore;
  private made = 0;

  /** All of them are of one user and have subscribed to `filter`, whose shape is listed already. */
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

  /** The client is away, and may come back whenever it likes. */
  async away(clientId: string): Promise<void> {
    await this.sessions.release(clientId, await this.begin(clientId));
  }

  /** The time of the session was over a day ago, and nobody was told. */
  async expired(clientId: string): Promise<void> {
    const sessionEndsAt = this.cloud.clock.now() - day;
    await this.sessions.release(clientId, await this.begin(clientId), { sessionEndsAt });
  }

  /** Every attempt at CONNECT has died, so the connection that owns the session is on no record. The session would end with it. */
  async ownedByNobody(clientId: string): Promise<void> {
    await this.begin(clientId, false);
  }

  /** The head is gone and nothing else, and nothing tells which client it was. */
  async headless(clientId: string): Promise<void> {
    await this.sessions.end(clientId, await this.begin(clientId));
  }

  /** Makes all containers read the rows. */
  async touch(shape: string): Promise<void> {
    await this.index.touch(shape);
  }

  /** A session with a subscription, a will, and a message that waits. */
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
