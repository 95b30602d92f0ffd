import {
  type AttributeValue,
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  type QueryCommandInput,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import { accountOf, type Identity } from '../access/identity';
import type { DynamoDb } from '../aws/lean-dynamodb';
import type { Fence, SessionId } from '../broker/model/fence';
import { queueSpan } from '../broker/model/queue-slots';
import type { Congestion, SessionClaim, SessionItem, Successor } from '../broker/model/session';
import type { ReleaseDetails, SessionStore } from '../broker/ports/session-store';
import type { Will } from '../protocol/effects';
import {
  flag,
  messageAttributes,
  number,
  readFlag,
  readMessage,
  readNumber,
  readText,
  readVersion,
  text,
} from './attributes';
import { capabilityAttributes, readCapabilities } from './capabilities';
import { conditionFailed, type Item, queryAll, readAll, writeAll } from './dynamo';
import { identityAttribute, readIdentity } from './identity';
import { keyOf, maximumPartitionKey, maximumSortKey } from './keys';
import { writtenVersion } from './schema-version';
import { readSubscriptionCounts, subscribedAttribute } from './subscription-counts';
import { versioned } from './versioned-dynamo';

export const headPart = 'head';
export const willPrefix = 'will#';
export const subscriptionPrefix = 'sub#';

/** Numbers that retained messages may take beyond what is free: so that no packet id is in use twice, with all that is under way. */
const mostBeyond = queueSpan / 2;

/** Attribute names that DynamoDB reserves, or may one day. */
const names = { '#session': 'session', '#owner': 'owner', '#free': 'free' };
const claimNames = { ...names, '#identity': 'identity' };

/** A subscription row and its index row are named by the same session, so a row of an older session can be told. */
export class DynamoSessionStore implements SessionStore {
  private readonly db: DynamoDb;

  constructor(
    db: DynamoDb,
    private readonly table: string,
  ) {
    this.db = versioned(db, { [table]: 'sessions' });
  }

  async read(clientId: string): Promise<SessionItem | undefined> {
    const command = new GetItemCommand({ TableName: this.table, Key: headKey(clientId), ConsistentRead: true });
    const { Item } = await this.db.send(command);
    return Item && toHead(Item);
  }

  async readMany(clientIds: readonly string[]): Promise<Map<string, SessionItem>> {
    const items = await readAll(this.db, this.table, clientIds.map(headKey));
    return new Map(items.map(toHead).map((head) => [head.clientId, head]));
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
    try {
      const { Attributes } = await this.db.send(
        new UpdateItemCommand({
          TableName: this.table,
          Key: headKey(claim.clientId),
          UpdateExpression:
            `SET clientId = :clientId, wiping = if_not_exists(#session, :none), former = ${former}, #session = :fence, ` +
            'greeted = :fence, outSeq = :zero, asked = :zero, ' +
            `answered = :zero, #free = :free, v = :form, ${claim.quota ? 'quota = :quota, ' : ''}` +
            `${setOwner(claim)}, subscribed`,
          ConditionExpression: condition,
          ExpressionAttributeNames: claimNames,
          ExpressionAttributeValues: {
            ...values,
            ...(typeof over === 'object' && { ':former': text(over.owner ? '' : over.fence) }),
            ':clientId': text(claim.clientId),
            ':zero': number(0),
            ':none': text(''),
            ':form': writtenVersion('sessions').v,
            ':free': number(queueSpan),
            ...(claim.quota ? { ':quota': text(claim.quota) } : {}),
            ...ownerValues(claim),
          },
          ReturnValues: 'ALL_OLD',
        }),
      );
      return Attributes ? { old: toHead(Attributes) } : {};
    } catch (error) {
      if (conditionFailed(error)) return over ? 'changed' : 'refused';
      throw error;
    }
  }

  async claimResume(claim: SessionClaim, seen: SessionItem): Promise<SessionItem | 'changed'> {
    return this.update(claim.clientId, 'changed', {
      UpdateExpression: `SET ${setOwner(claim)} ADD asked :one`,
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

  async identify(clientId: string, fence: Fence, identity: Identity): Promise<void> {
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

  async discard(clientId: string, fence: Fence): Promise<'forsaken' | 'changed'> {
    const result = await this.update(clientId, 'changed', {
      UpdateExpression: 'SET persistent = :no',
      ConditionExpression: 'fence = :fence',
      ExpressionAttributeValues: { ':no': flag(false), ':fence': text(fence) },
    });
    return result === 'changed' ? 'changed' : 'forsaken';
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
      Key: headKey(clientId),
      ConditionExpression: `fence = :fence AND ${nothingToWipe}`,
      ExpressionAttributeValues: { ':fence': text(fence), ':none': text('') },
      ReturnValues: 'ALL_OLD',
    });
    const deleted = await this.db.send(command).catch(unless(conditionFailed));
    return deleted ? toHead(deleted.Attributes ?? {}) : 'changed';
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
        ':floor': number(count - mostBeyond),
      },
    });
  }

  /** How much fits depends on whether the client is there, so the owner must be the one that was seen too. */
  async setFree(head: SessionItem, free: number): Promise<'set' | 'changed'> {
    const sameOwner = head.owner ? '#owner = :owner' : 'attribute_not_exists(#owner)';
    const result = await this.update(head.clientId, 'changed', {
      UpdateExpression: 'SET #free = :free',
      ConditionExpression: `#session = :session AND outSeq = :outSeq AND ${sameOwner}`,
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: {
        ':free': number(free),
        ':session': text(head.session),
        ':outSeq': number(head.outSeq),
        ...(head.owner ? { ':owner': text(head.owner) } : {}),
      },
    });
    return result === 'changed' ? 'changed' : 'set';
  }

  async requestWake(clientId: string, owner: string): Promise<number | 'gone'> {
    const head = await this.update(clientId, 'gone', {
      UpdateExpression: 'ADD asked :one',
      ConditionExpression: '#owner = :owner',
      ExpressionAttributeNames: { '#owner': 'owner' },
      ExpressionAttributeValues: { ':one': number(1), ':owner': text(owner) },
    });
    return head === 'gone' ? 'gone' : head.wakeRequests;
  }

  async congest(
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

  async relieve({ clientId, fence }: SessionItem, since?: Pick<Congestion, 'since' | 'at'>): Promise<void> {
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

  async markWakeHandled(head: SessionItem, asked: number, settled?: number): Promise<void> {
    await this.update(head.clientId, undefined, {
      UpdateExpression: `SET answered = :asked${settled === undefined ? '' : ', settled = :settled'}`,
      ConditionExpression: 'fence = :fence AND answered < :asked',
      ExpressionAttributeValues: {
        ':asked': number(asked),
        ':fence': text(head.fence),
        ...(settled === undefined ? {} : { ':settled': number(settled) }),
      },
    });
  }

  /** Updates an existing head; `otherwise` when the condition does not hold. */
  private async update<const T extends string | undefined>(
    clientId: string,
    otherwise: T,
    expression: Omit<UpdateItemCommandInput, 'TableName' | 'Key'>,
  ): Promise<SessionItem | T> {
    try {
      const { Attributes } = await this.db.send(
        new UpdateItemCommand({
          TableName: this.table,
          Key: headKey(clientId),
          ...expression,
          ReturnValues: 'ALL_NEW',
        }),
      );
      return toHead(Attributes ?? {});
    } catch (error) {
      if (conditionFailed(error)) return otherwise;
      throw error;
    }
  }

  async putWill(clientId: string, connectionId: string, will: Will): Promise<void> {
    const Item = { ...willKey(clientId, connectionId), ...willAttributes(will) };
    await this.db.send(new PutItemCommand({ TableName: this.table, Item }));
  }

  async will(clientId: string, connectionId: string): Promise<Will | undefined> {
    const Key = willKey(clientId, connectionId);
    const { Item } = await this.db.send(new GetItemCommand({ TableName: this.table, Key, ConsistentRead: true }));
    return Item && readWill(Item);
  }

  async removeWill(clientId: string, connectionId: string): Promise<'removed' | 'absent'> {
    const Key = willKey(clientId, connectionId);
    const ConditionExpression = 'attribute_exists(part)';
    try {
      await this.db.send(new DeleteItemCommand({ TableName: this.table, Key, ConditionExpression }));
      return 'removed';
    } catch (error) {
      if (conditionFailed(error)) return 'absent';
      throw error;
    }
  }

  async putSubscriptions(session: SessionId, filters: readonly string[]): Promise<void> {
    const rows = [...new Set(filters)].map((filter) => ({
      PutRequest: { Item: { ...subscriptionKey(session, filter), filter: text(filter) } },
    }));
    await writeAll(this.db, this.table, rows);
  }

  async removeSubscriptions(session: SessionId, filters: readonly string[]): Promise<void> {
    const rows = [...new Set(filters)].map((filter) => ({ DeleteRequest: { Key: subscriptionKey(session, filter) } }));
    await writeAll(this.db, this.table, rows);
  }

  async hasSubscriptions(session: SessionId, names: readonly string[]): Promise<Set<string>> {
    const keys = [...new Set(names)].map((name) => subscriptionKey(session, name));
    return new Set((await readAll(this.db, this.table, keys)).map((item) => readText(item.filter)));
  }

  async subscriptions(session: SessionId): Promise<string[]> {
    const items = await queryAll(this.db, this.subscriptionQuery(session));
    return items.map((item) => readText(item.filter));
  }

  async someSubscriptions(session: SessionId, limit: number): Promise<{ names: string[]; hasMore: boolean }> {
    const query = { ...this.subscriptionQuery(session), Limit: limit, ConsistentRead: true };
    const { Items = [], LastEvaluatedKey } = await this.db.send(new QueryCommand(query));
    return { names: Items.map((item) => readText(item.filter)), hasMore: LastEvaluatedKey !== undefined };
  }

  private subscriptionQuery(session: SessionId): QueryCommandInput {
    return {
      TableName: this.table,
      KeyConditionExpression: 'id = :session AND begins_with(part, :prefix)',
      ExpressionAttributeValues: { ':session': text(session), ':prefix': text(subscriptionPrefix) },
    };
  }
}

/** No connection of the client id that is newer than the claiming one waits to take the session over. */
const noNewerSuccessor = '(attribute_not_exists(successor) OR successor <= :fence)';

/** No older session of the client id has rows that are still to be removed, which nothing else than the head would name. */
const nothingToWipe = '(attribute_not_exists(wiping) OR wiping = :none)';

/** Without `over` any older head of the same account may be replaced that nothing has to end before; with it, only what was read. */
function freshCondition({ identity }: SessionClaim, over?: SessionItem | 'none'): { condition: string; values: Item } {
  if (over === 'none') return { condition: 'attribute_not_exists(id)', values: {} };
  if (over)
    return {
      condition: `fence = :seen AND ${noNewerSuccessor} AND ${nothingToWipe}`,
      values: { ':seen': text(over.fence) },
    };
  const isMine = isAnonymous(identity) ? 'attribute_not_exists(account)' : 'account = :account';
  const hasEnded = 'attribute_not_exists(#owner) AND attribute_not_exists(willAt)';
  return {
    condition: `attribute_not_exists(id) OR (fence < :fence AND ${isMine} AND ${hasEnded} AND ${noNewerSuccessor} AND ${nothingToWipe})`,
    values: {},
  };
}

/** Who owns the session from now on, and what the head tells of it to those who send to it. */
function ownerValues(claim: SessionClaim): Item {
  const { connectionId, fence, persistent, sessionExpiry, version, capabilities, identity } = claim;
  const { can } = capabilityAttributes(capabilities);
  return {
    ':owner': text(connectionId),
    ':fence': text(fence),
    ':persistent': flag(persistent),
    ...(sessionExpiry === undefined ? {} : { ':expiry': number(sessionExpiry) }),
    ':version': number(version),
    ...(can ? { ':can': can } : {}),
    ...(isAnonymous(identity)
      ? {}
      : { ':identity': identityAttribute(identity), ':account': text(accountOf(identity)) }),
  };
}

/** What the former owner left is removed: every update that claims a session ends its SET clause with this. */
function setOwner({ sessionExpiry, capabilities, identity }: SessionClaim): string {
  const can = capabilityAttributes(capabilities).can !== undefined;
  const named = !isAnonymous(identity);
  const set = [
    '#owner = :owner',
    'fence = :fence, persistent = :persistent, version = :version',
    ...(sessionExpiry === undefined ? [] : ['expiry = :expiry']),
    ...(can ? ['can = :can'] : []),
    ...(named ? ['#identity = :identity, account = :account'] : []),
  ].join(', ');
  const remove = [
    ...(sessionExpiry === undefined ? ['expiry'] : []),
    ...(can ? [] : ['can']),
    ...(named ? [] : ['#identity', 'account']),
    'expiresAt',
    'willAt',
    'leftAt',
    'settled',
    'successor',
    'successorClean',
    'congestion',
    'successorPrecedence',
    'displaced', // written by earlier releases
  ];
  return `${set} REMOVE ${remove.join(', ')}`;
}

function isAnonymous({ kind }: Identity): boolean {
  return kind === 'anonymous';
}

/** With the fence: an earlier release that takes the session over leaves it in the head. */
function congestionAttribute(fence: Fence, { since, at, isDrainScheduled }: Congestion): AttributeValue {
  return { M: { fence: text(fence), since: number(since), at: number(at), pump: flag(isDrainScheduled) } };
}

function readCongestion({ congestion, fence, owner }: Item): Congestion | undefined {
  const { M } = congestion ?? {};
  if (!M || !owner || readText(M.fence) !== readText(fence)) return undefined;
  return { since: readNumber(M.since), at: readNumber(M.at), isDrainScheduled: readFlag(M.pump) };
}

function willAttributes({ message, delay, expiry }: Will): Item {
  return {
    ...messageAttributes(message),
    ...(delay > 0 ? { delay: number(delay) } : {}),
    ...(expiry === undefined ? {} : { expiry: number(expiry) }),
  };
}

function readWill(item: Item): Will {
  const expiry = item.expiry ? { expiry: readNumber(item.expiry) } : {};
  return { message: readMessage(item), delay: readNumber(item.delay), ...expiry };
}

function unless(expected: (error: unknown) => boolean): (error: unknown) => undefined {
  return (error) => {
    if (expected(error)) return undefined;
    throw error;
  };
}

export function headKey(clientId: string): Item {
  return { id: text(keyOf(clientId, maximumPartitionKey)), part: text(headPart) };
}

function willKey(clientId: string, connectionId: string): Item {
  return { id: text(keyOf(clientId, maximumPartitionKey)), part: text(willPrefix + connectionId) };
}

function subscriptionKey(session: SessionId, filter: string): Item {
  return { id: text(session), part: text(keyOf(filter, maximumSortKey, subscriptionPrefix)) };
}

export function toHead(item: Item): SessionItem {
  const owner = readText(item.owner);
  const wiping = readText(item.wiping);
  const successor = readText(item.successor);
  const congestion = readCongestion(item);
  const former = readText(item.former);
  return {
    clientId: readText(item.clientId),
    session: readText(item.session),
    persistent: readFlag(item.persistent),
    ...(owner ? { owner } : {}),
    fence: readText(item.fence),
    outSeq: readNumber(item.outSeq),
    wakeRequests: readNumber(item.asked),
    wakeHandled: readNumber(item.answered),
    offlineFrom: readNumber(item.offlineFrom),
    connackSentOn: readText(item.greeted),
    version: readVersion(item.version),
    capabilities: readCapabilities(item),
    acknowledgedUpTo: readNumber(item.settled),
    ...(item.expiry ? { sessionExpiry: readNumber(item.expiry) } : {}),
    identity: readIdentity(item.identity),
    ...(owner || !item.expiresAt ? {} : { expiresAt: readNumber(item.expiresAt) }),
    ...(owner || !item.leftAt ? {} : { leftAt: readNumber(item.leftAt) }),
    ...(owner || !item.willAt ? {} : { willAt: readNumber(item.willAt) }),
    ...(wiping ? { deleting: wiping } : {}),
    ...(congestion ? { congestion } : {}),
    ...readSubscriptionCounts(item),
    ...(item.quota ? { quota: readText(item.quota) } : {}),
    ...(former ? { former } : {}),
    ...(successor ? { successor: readSuccessor(item) } : {}),
  };
}

function readSuccessor({ successor, successorClean, successorPrecedence }: Item): Successor {
  return {
    fence: readText(successor),
    cleanStart: readFlag(successorClean),
    ...(successorPrecedence ? { precedence: readNumber(successorPrecedence) } : {}),
  };
}
