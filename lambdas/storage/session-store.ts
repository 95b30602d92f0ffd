import {
  DeleteItemCommand,
  GetItemCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import type { Identity } from '../access/identity';
import type { DynamoDb } from '../aws/dynamodb';
import type { Fence, SessionId } from '../broker/model/fence';
import { queueSpan } from '../broker/model/queue-slots';
import type { Congestion, SessionClaim, SessionItem } from '../broker/model/session';
import type { ReleaseDetails, SessionStore } from '../broker/ports/session-store';
import type { Will } from '../protocol/effects';
import { flag, identityAttribute, number, subscribedAttribute, text } from './attributes';
import { type Item, readAll, unlessConditionFailed } from './dynamo';
import { writtenVersion } from './schema-version';
import { freshCondition, isDeletionComplete, noNewerSuccessor, ownerUpdate, ownerValues } from './session-claims';
import { congestionAttribute, sessionKey, toSessionItem } from './session-item';
import { SubscriptionRows } from './subscription-rows';
import { versioned } from './versioned-dynamo';
import { Wills } from './wills';

/**
 * Numbers that retained messages may take beyond the free ones, so that no packet id of a message in flight is used
 * twice.
 */
const maxBeyondFree = queueSpan / 2;

/** Names that are reserved words of DynamoDB, or may become one. */
const names = { '#session': 'session', '#owner': 'owner', '#free': 'free' };
const claimNames = { ...names, '#identity': 'identity' };

/**
 * The sessions table. A subscription row and its index row name the same session, so rows of an older session can be
 * distinguished.
 */
export class DynamoSessionStore implements SessionStore {
  private readonly db: DynamoDb;
  private readonly wills: Wills;
  private readonly subscriptionRows: SubscriptionRows;

  constructor(
    db: DynamoDb,
    private readonly table: string,
  ) {
    this.db = versioned(db, { [table]: 'sessions' });
    this.wills = new Wills(this.db, table);
    this.subscriptionRows = new SubscriptionRows(this.db, table);
  }

  async read(clientId: string): Promise<SessionItem | undefined> {
    const command = new GetItemCommand({ TableName: this.table, Key: sessionKey(clientId), ConsistentRead: true });
    const { Item } = await this.db.send(command);
    return Item && toSessionItem(Item);
  }

  async readMany(clientIds: readonly string[]): Promise<Map<string, SessionItem>> {
    const items = await readAll(this.db, this.table, clientIds.map(sessionKey));
    return new Map(items.map(toSessionItem).map((session) => [session.clientId, session]));
  }

  async awaitEnd(claim: SessionClaim, { fence, owner, successor }: SessionItem): Promise<'registered' | 'changed'> {
    const { precedence } = claim;
    const ofOther = precedence === undefined ? ' REMOVE successorPrecedence' : ', successorPrecedence = :precedence';
    const result = await this.update(claim.clientId, 'changed', {
      UpdateExpression: `SET successor = :fence, successorClean = :clean${ofOther}`,
      ConditionExpression:
        `fence = :seen AND ${owner ? '#owner = :owner' : 'attribute_not_exists(#owner)'} AND ` +
        (successor ? 'successor = :successor' : 'attribute_not_exists(successor)'),
      ExpressionAttributeNames: { '#owner': 'owner' },
      ExpressionAttributeValues: {
        ':fence': text(claim.fence),
        ':clean': flag(claim.cleanStart),
        ...(precedence === undefined ? {} : { ':precedence': number(precedence) }),
        ':seen': text(fence),
        ...(owner ? { ':owner': text(owner) } : {}),
        ...(successor ? { ':successor': text(successor.fence) } : {}),
      },
    });
    return result === 'changed' ? 'changed' : 'registered';
  }

  async claimFresh(
    claim: SessionClaim,
    over?: SessionItem | 'none',
  ): Promise<{ old?: SessionItem } | 'refused' | 'changed'> {
    const { condition, values } = freshCondition(claim, over);
    const former = typeof over === 'object' ? ':former' : 'if_not_exists(fence, :none)';
    const command = new UpdateItemCommand({
      TableName: this.table,
      Key: sessionKey(claim.clientId),
      UpdateExpression:
        `SET clientId = :clientId, wiping = if_not_exists(#session, :none), former = ${former}, #session = :fence, ` +
        'greeted = :fence, outSeq = :zero, asked = :zero, answered = :zero, #free = :free, v = :schemaVersion, ' +
        `${claim.quota ? 'quota = :quota, ' : ''}${ownerUpdate(claim)}, subscribed`,
      ConditionExpression: condition,
      ExpressionAttributeNames: claimNames,
      ExpressionAttributeValues: {
        ...values,
        ...(typeof over === 'object' && { ':former': text(over.owner ? '' : over.fence) }),
        ':clientId': text(claim.clientId),
        ':zero': number(0),
        ':none': text(''),
        ':schemaVersion': writtenVersion('sessions').v,
        ':free': number(queueSpan),
        ...(claim.quota ? { ':quota': text(claim.quota) } : {}),
        ...ownerValues(claim),
      },
      ReturnValues: 'ALL_OLD',
    });
    const output = await unlessConditionFailed(this.db.send(command));
    if (!output) return over ? 'changed' : 'refused';
    return output.Attributes ? { old: toSessionItem(output.Attributes) } : {};
  }

  async claimResume(claim: SessionClaim, seen: SessionItem): Promise<SessionItem | 'changed'> {
    return this.update(claim.clientId, 'changed', {
      UpdateExpression: `SET ${ownerUpdate(claim)} ADD asked :one`,
      ConditionExpression: `#session = :session AND fence = :seen AND ${noNewerSuccessor}`,
      ExpressionAttributeNames: { '#session': 'session', '#owner': 'owner', '#identity': 'identity' },
      ExpressionAttributeValues: {
        ':one': number(1),
        ':session': text(seen.session),
        ':seen': text(seen.fence),
        ...ownerValues(claim),
      },
    });
  }

  async updateIdentity(clientId: string, fence: Fence, identity: Identity): Promise<void> {
    await this.update(clientId, undefined, {
      UpdateExpression: 'SET #identity = :identity',
      ConditionExpression: 'fence = :fence',
      ExpressionAttributeNames: { '#identity': 'identity' },
      ExpressionAttributeValues: { ':identity': identityAttribute(identity), ':fence': text(fence) },
    });
  }

  async markDeleted(clientId: string, session: SessionId): Promise<void> {
    await this.update(clientId, undefined, {
      UpdateExpression: 'REMOVE wiping, former',
      ConditionExpression: 'wiping = :session',
      ExpressionAttributeValues: { ':session': text(session) },
    });
  }

  async release(
    clientId: string,
    fence: Fence,
    { sessionEndsAt, willAt, leftAt, subscribed }: ReleaseDetails = {},
  ): Promise<SessionItem | 'changed'> {
    const values: Item = {
      ...(leftAt === undefined ? {} : { ':leftAt': number(leftAt) }),
      ...(subscribed ? { ':subscribed': subscribedAttribute(subscribed) } : {}),
      ...(sessionEndsAt === undefined ? {} : { ':expiresAt': number(sessionEndsAt) }),
      ...(willAt === undefined ? {} : { ':willAt': number(willAt) }),
    };
    const times = Object.keys(values).map((name) => `, ${name.slice(1)} = ${name}`);
    return this.update(clientId, 'changed', {
      UpdateExpression: `REMOVE #owner SET offlineFrom = outSeq, #free = :none${times.join('')}`,
      ConditionExpression: 'fence = :fence AND attribute_exists(#owner)',
      ExpressionAttributeNames: { '#owner': 'owner', '#free': 'free' },
      ExpressionAttributeValues: { ':fence': text(fence), ':none': number(0), ...values },
    });
  }

  async discard(clientId: string, fence: Fence): Promise<'discarded' | 'changed'> {
    const result = await this.update(clientId, 'changed', {
      UpdateExpression: 'SET persistent = :no',
      ConditionExpression: 'fence = :fence',
      ExpressionAttributeValues: { ':no': flag(false), ':fence': text(fence) },
    });
    return result === 'changed' ? 'changed' : 'discarded';
  }

  async clearWillDeadline(clientId: string, fence: Fence): Promise<void> {
    await this.update(clientId, undefined, {
      UpdateExpression: 'REMOVE willAt',
      ConditionExpression: 'fence = :fence',
      ExpressionAttributeValues: { ':fence': text(fence) },
    });
  }

  async end(clientId: string, fence: Fence): Promise<SessionItem | 'changed'> {
    const command = new DeleteItemCommand({
      TableName: this.table,
      Key: sessionKey(clientId),
      ConditionExpression: `fence = :fence AND ${isDeletionComplete}`,
      ExpressionAttributeValues: { ':fence': text(fence), ':none': text('') },
      ReturnValues: 'ALL_OLD',
    });
    const deleted = await unlessConditionFailed(this.db.send(command));
    return deleted ? toSessionItem(deleted.Attributes ?? {}) : 'changed';
  }

  async reserve(clientId: string, session: SessionId, count: number): Promise<SessionItem | 'refused'> {
    return this.update(clientId, 'refused', {
      UpdateExpression: 'ADD outSeq :count, #free :less',
      ConditionExpression: '#session = :session AND #free >= :count',
      ExpressionAttributeNames: { '#session': 'session', '#free': 'free' },
      ExpressionAttributeValues: { ':session': text(session), ':count': number(count), ':less': number(-count) },
    });
  }

  async reserveAndRequestWake(clientId: string, session: SessionId, count: number): Promise<SessionItem | 'refused'> {
    return this.update(clientId, 'refused', {
      UpdateExpression: 'ADD outSeq :count, #free :less, asked :one',
      ConditionExpression: '#session = :session AND (#free >= :floor OR attribute_not_exists(#owner))',
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: {
        ...{ ':session': text(session), ':count': number(count), ':less': number(-count) },
        ':one': number(1),
        ':floor': number(count - maxBeyondFree),
      },
    });
  }

  /** The free numbers depend on whether the client is connected, so the owner must be the one that was read. */
  async setQueueCapacity(session: SessionItem, capacity: number): Promise<'set' | 'changed'> {
    const sameOwner = session.owner ? '#owner = :owner' : 'attribute_not_exists(#owner)';
    const result = await this.update(session.clientId, 'changed', {
      UpdateExpression: 'SET #free = :free',
      ConditionExpression: `#session = :session AND outSeq = :outSeq AND ${sameOwner}`,
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: {
        ':free': number(capacity),
        ':session': text(session.session),
        ':outSeq': number(session.outSeq),
        ...(session.owner ? { ':owner': text(session.owner) } : {}),
      },
    });
    return result === 'changed' ? 'changed' : 'set';
  }

  async requestWake(clientId: string, owner: string): Promise<number | 'gone'> {
    const session = await this.update(clientId, 'gone', {
      UpdateExpression: 'ADD asked :one',
      ConditionExpression: '#owner = :owner',
      ExpressionAttributeNames: { '#owner': 'owner' },
      ExpressionAttributeValues: { ':one': number(1), ':owner': text(owner) },
    });
    return session === 'gone' ? 'gone' : session.wakeRequests;
  }

  async markCongested(
    { clientId, fence, congestion: seen }: SessionItem,
    congestion: Congestion,
  ): Promise<'noted' | 'changed'> {
    const { isDrainScheduled } = congestion;
    const result = await this.update(clientId, 'changed', {
      UpdateExpression: `SET congestion = :congestion${isDrainScheduled ? ' ADD asked :one' : ''}`,
      ConditionExpression:
        'fence = :fence AND attribute_exists(#owner) AND ' +
        (seen ? 'congestion.#at = :seen' : '(attribute_not_exists(congestion) OR congestion.fence < :fence)'),
      ExpressionAttributeNames: { '#owner': 'owner', ...(seen ? { '#at': 'at' } : {}) },
      ExpressionAttributeValues: {
        ':congestion': congestionAttribute(fence, congestion),
        ':fence': text(fence),
        ...(isDrainScheduled ? { ':one': number(1) } : {}),
        ...(seen ? { ':seen': number(seen.at) } : {}),
      },
    });
    return result === 'changed' ? 'changed' : 'noted';
  }

  async clearCongestion({ clientId, fence }: SessionItem, since?: Pick<Congestion, 'since' | 'at'>): Promise<void> {
    const left = since && congestionAttribute(fence, { ...since, isDrainScheduled: false });
    await this.update(clientId, undefined, {
      UpdateExpression: left ? 'SET congestion = :left' : 'REMOVE congestion',
      ConditionExpression: 'fence = :fence',
      ExpressionAttributeValues: { ':fence': text(fence), ...(left ? { ':left': left } : {}) },
    });
  }

  async markConnackSent(clientId: string, fence: Fence): Promise<SessionItem | 'changed'> {
    return this.update(clientId, 'changed', {
      UpdateExpression: 'SET greeted = :fence',
      ConditionExpression: 'fence = :fence',
      ExpressionAttributeValues: { ':fence': text(fence) },
    });
  }

  async markWakeHandled(session: SessionItem, wakeRequests: number, acknowledgedUpTo?: number): Promise<void> {
    await this.update(session.clientId, undefined, {
      UpdateExpression: `SET answered = :asked${acknowledgedUpTo === undefined ? '' : ', settled = :settled'}`,
      ConditionExpression: 'fence = :fence AND answered < :asked',
      ExpressionAttributeValues: {
        ':asked': number(wakeRequests),
        ':fence': text(session.fence),
        ...(acknowledgedUpTo === undefined ? {} : { ':settled': number(acknowledgedUpTo) }),
      },
    });
  }

  /** Updates an existing session item; returns `onConditionFailed` when the condition does not hold. */
  private async update<const T extends string | undefined>(
    clientId: string,
    onConditionFailed: T,
    expression: Omit<UpdateItemCommandInput, 'TableName' | 'Key'>,
  ): Promise<SessionItem | T> {
    const command = new UpdateItemCommand({
      TableName: this.table,
      Key: sessionKey(clientId),
      ...expression,
      ReturnValues: 'ALL_NEW',
    });
    const output = await unlessConditionFailed(this.db.send(command));
    return output ? toSessionItem(output.Attributes ?? {}) : onConditionFailed;
  }

  putWill(clientId: string, connectionId: string, will: Will): Promise<void> {
    return this.wills.put(clientId, connectionId, will);
  }

  will(clientId: string, connectionId: string): Promise<Will | undefined> {
    return this.wills.read(clientId, connectionId);
  }

  removeWill(clientId: string, connectionId: string): Promise<'removed' | 'absent'> {
    return this.wills.remove(clientId, connectionId);
  }

  putSubscriptions(session: SessionId, names: readonly string[]): Promise<void> {
    return this.subscriptionRows.put(session, names);
  }

  removeSubscriptions(session: SessionId, names: readonly string[]): Promise<void> {
    return this.subscriptionRows.remove(session, names);
  }

  hasSubscriptions(session: SessionId, names: readonly string[]): Promise<Set<string>> {
    return this.subscriptionRows.existing(session, names);
  }

  subscriptions(session: SessionId): Promise<string[]> {
    return this.subscriptionRows.list(session);
  }

  someSubscriptions(session: SessionId, limit: number): Promise<{ names: string[]; hasMore: boolean }> {
    return this.subscriptionRows.someOf(session, limit);
  }
}
