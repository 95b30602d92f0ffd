import {
  type AttributeValue,
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import type {
  ConnectionRecord,
  EarlyFrame,
  Ending,
  FrameRest,
  PendingConnection,
  StoredConnection,
} from '../broker/model/connection';
import type { ControlAllowance } from '../broker/model/control-allowance';
import type { ConnectionStore } from '../broker/ports/connection-store';
import { sessionForever } from '../protocol/effects';
import { bytes, flag, number, readBytes, readFlag, readNumber, readText, readVersion, text } from './attributes';
import { capabilityAttributes, readCapabilities } from './capabilities';
import { connectionKey } from './connection-key';
import { type Item, unlessConditionFailed } from './dynamo';
import { earlyAttribute, readEarly } from './early-frames';
import { identityAttribute, readIdentity } from './identity';
import { packetIdAttribute, readPacketIds } from './packet-ids';
import { isPending, pendingItem, toPending } from './pending-connections';
import { allowanceAttribute, readAllowance } from './publish-allowance';
import { readSubscriptionCounts, subscribedAttribute } from './subscription-counts';
import { versioned } from './versioned-dynamo';

/** API Gateway ends every connection after two hours; the row is kept for a day. */
const rowLifetimeSeconds = 24 * 3600;

/** The connections table. */
export class DynamoConnectionStore implements ConnectionStore {
  private readonly db: DynamoDb;

  constructor(
    db: DynamoDb,
    private readonly table: string,
  ) {
    this.db = versioned(db, { [table]: 'connections' });
  }

  async read(connectionId: string): Promise<ConnectionRecord | undefined> {
    return (await this.load(connectionId)).connection;
  }

  async load(connectionId: string): Promise<StoredConnection> {
    const command = new GetItemCommand({
      TableName: this.table,
      Key: connectionKey(connectionId),
      ConsistentRead: true,
    });
    const { Item } = await this.db.send(command);
    return toStored(Item);
  }

  async putPending(pending: PendingConnection): Promise<void> {
    await this.db.send(new PutItemCommand({ TableName: this.table, Item: pendingItem(pending) }));
  }

  async removePending(connectionId: string): Promise<void> {
    const command = new DeleteItemCommand({
      TableName: this.table,
      Key: connectionKey(connectionId),
      ConditionExpression: 'attribute_exists(pending)',
    });
    await unlessConditionFailed(this.db.send(command));
  }

  async create(record: ConnectionRecord): Promise<void> {
    await this.db.send(new PutItemCommand({ TableName: this.table, Item: toItem(record) }));
  }

  async commit(record: ConnectionRecord, before: ConnectionRecord): Promise<void> {
    const { set, remove, changes } = changesOf(record, before);
    await this.db.send(
      new UpdateItemCommand({
        TableName: this.table,
        Key: connectionKey(record.connectionId),
        UpdateExpression: `SET ${set.join(', ')}${remove.length > 0 ? ` REMOVE ${remove.join(', ')}` : ''}`,
        ConditionExpression: 'attribute_exists(connectionId)',
        ...(changes[':identity'] ? { ExpressionAttributeNames: { '#identity': 'identity' } } : {}),
        ExpressionAttributeValues: changes,
      }),
    );
  }

  async commitFrom(record: ConnectionRecord, expected: number): Promise<'committed' | 'stale'> {
    const output = await unlessConditionFailed(
      this.db.send(
        new UpdateItemCommand({
          TableName: this.table,
          Key: connectionKey(record.connectionId),
          UpdateExpression: 'SET lastSeen = :seen, lastNumber = :number',
          // The second half accepts this very commit, repeated because its response was lost.
          ConditionExpression:
            '(lastNumber = :expected OR (lastNumber = :number AND lastSeen = :seen)) ' +
            'AND attribute_not_exists(tail) AND attribute_not_exists(early)',
          ExpressionAttributeValues: {
            ':seen': number(record.lastSeen),
            ':number': number(record.lastNumber),
            ':expected': number(expected),
          },
        }),
      ),
    );
    return output ? 'committed' : 'stale';
  }

  /**
   * Writes the whole record, because a connection that opens and closes within one turn has no row yet. Its time to
   * live starts at the last deadline: the session may last for years.
   */
  async end(record: ConnectionRecord, ended: Ending): Promise<void> {
    const last = Math.max(ended.willAt ?? 0, ended.sessionEndsAt ?? 0);
    const { rest: _rest, ...ending } = record;
    const stored = { ...ending, tail: Buffer.alloc(0), early: [], aliases: new Map(), outgoingAliases: new Map() };
    const { lastNumber: _, ...item } = toItem(stored); // without it `commitFrom` fails
    const Item = {
      ...item,
      ended: { M: endingAttributes(ended) },
      expiresAt: number(Math.ceil(last / 1000) + rowLifetimeSeconds),
    };
    await this.db.send(new PutItemCommand({ TableName: this.table, Item }));
  }

  async markSuperseded(connectionId: string, at: number): Promise<ConnectionRecord | undefined> {
    const marked = await this.updateOpen(connectionId, {
      UpdateExpression: 'SET supersededAt = if_not_exists(supersededAt, :at)',
      ConditionExpression: 'attribute_exists(connectionId)',
      ExpressionAttributeValues: { ':at': number(at) },
    });
    return marked && toRecord(marked);
  }

  async renewSuperseded(connectionId: string, at: number): Promise<'goes on' | 'taken over'> {
    const renewed = await this.updateOpen(connectionId, {
      UpdateExpression: 'SET supersededAt = :at',
      ConditionExpression: 'attribute_exists(connectionId) AND attribute_not_exists(takenOver)',
      ExpressionAttributeValues: { ':at': number(at) },
    });
    return renewed ? 'goes on' : 'taken over';
  }

  /** Also removes the last frame number, so that `commitFrom` fails. */
  async markTakenOver(connectionId: string, supersededAt: number): Promise<'taken over' | 'changed'> {
    const taken = await this.updateOpen(connectionId, {
      UpdateExpression: 'SET takenOver = :yes REMOVE lastNumber',
      ConditionExpression: 'supersededAt = :seen',
      ExpressionAttributeValues: { ':yes': flag(true), ':seen': number(supersededAt) },
    });
    return taken ? 'taken over' : 'changed';
  }

  /** Returns the updated item of an open connection; undefined when it is not open or the condition does not hold. */
  private async updateOpen(
    connectionId: string,
    {
      ConditionExpression,
      ...update
    }: Pick<UpdateItemCommandInput, 'UpdateExpression' | 'ConditionExpression'> &
      Pick<UpdateItemCommandInput, 'ExpressionAttributeValues'>,
  ): Promise<Item | undefined> {
    const command = new UpdateItemCommand({
      TableName: this.table,
      Key: connectionKey(connectionId),
      ...update,
      ConditionExpression: `${ConditionExpression} AND attribute_not_exists(pending) AND attribute_not_exists(#ended)`,
      ExpressionAttributeNames: { '#ended': 'ended' },
      ReturnValues: 'ALL_NEW',
    });
    return (await unlessConditionFailed(this.db.send(command)))?.Attributes;
  }

  async remove(connectionId: string): Promise<void> {
    await this.db.send(new DeleteItemCommand({ TableName: this.table, Key: connectionKey(connectionId) }));
  }
}

/**
 * Expressions for the changes of a turn. Attributes with default values stay absent, which keeps items and commits
 * small.
 */
function changesOf(
  record: ConnectionRecord,
  before: ConnectionRecord,
): { set: string[]; remove: string[]; changes: Item } {
  const set = ['lastSeen = :lastSeen', 'lastNumber = :lastNumber'];
  const remove: string[] = [];
  const changes: Item = { ':lastSeen': number(record.lastSeen), ':lastNumber': number(record.lastNumber) };
  if (record.hasState && !before.hasState) {
    set.push('hasState = :hasState'); // never set back to false
    changes[':hasState'] = flag(true);
  }
  if (record.tail.length > 0 && !record.tail.equals(before.tail)) {
    set.push('tail = :tail');
    changes[':tail'] = bytes(record.tail);
  } else if (record.tail.length === 0 && before.tail.length > 0) remove.push('tail');
  if (record.rest) {
    set.push('rest = :rest');
    changes[':rest'] = restAttribute(record.rest);
  } else if (before.rest) remove.push('rest');
  if (record.early.length > 0 && !isSameEarly(record.early, before.early)) {
    set.push('early = :early');
    changes[':early'] = earlyAttribute(record.early);
  } else if (record.early.length === 0 && before.early.length > 0) remove.push('early');
  if (record.aliases !== before.aliases) {
    set.push('aliases = :aliases');
    changes[':aliases'] = aliasAttribute(record.aliases);
  }
  if (record.outgoingAliases !== before.outgoingAliases) {
    set.push('outgoingAliases = :outgoingAliases');
    changes[':outgoingAliases'] = outgoingAttribute(record.outgoingAliases);
  }
  if (record.unreleased && record.unreleased !== before.unreleased) {
    set.push('holds = :holds');
    changes[':holds'] = packetIdAttribute(record.unreleased);
  }
  if (record.subscribed && record.subscribed !== before.subscribed) {
    set.push('subscribed = :subscribed');
    changes[':subscribed'] = subscribedAttribute(record.subscribed);
  }
  if (record.debt !== undefined && record.debt !== before.debt) {
    set.push('debt = :debt');
    changes[':debt'] = number(record.debt);
  }
  if (record.allowance && record.allowance !== before.allowance) {
    set.push('allowance = :allowance');
    changes[':allowance'] = allowanceAttribute(record.allowance);
  }
  if (record.control && record.control !== before.control) {
    set.push('control = :control');
    changes[':control'] = controlAllowanceAttribute(record.control);
  }
  if (record.identity !== before.identity) {
    set.push('#identity = :identity');
    changes[':identity'] = identityAttribute(record.identity);
  }
  if (record.authentication?.state !== before.authentication?.state) {
    if (record.authentication?.state === undefined) remove.push('exchange');
    else {
      set.push('exchange = :exchange');
      changes[':exchange'] = text(record.authentication.state);
    }
  }
  return { set, remove, changes };
}

function toItem(record: ConnectionRecord): Item {
  return {
    ...connectionKey(record.connectionId),
    clientId: text(record.clientId),
    version: number(record.version),
    sessionExpiry: number(record.sessionExpiry),
    session: text(record.session),
    fence: text(record.fence),
    keepAlive: number(record.keepAlive),
    lastSeen: number(record.lastSeen),
    lastNumber: number(record.lastNumber),
    hasWill: flag(record.hasWill),
    hasState: flag(record.hasState),
    ...(record.isCounted ? { hasSeat: flag(true) } : {}),
    ...capabilityAttributes(record.capabilities),
    expiresAt: number(Math.ceil(record.lastSeen / 1000) + rowLifetimeSeconds),
    ...(record.tail.length > 0 ? { tail: bytes(record.tail) } : {}),
    ...(record.rest ? { rest: restAttribute(record.rest) } : {}),
    ...(record.early.length > 0 ? { early: earlyAttribute(record.early) } : {}),
    ...(record.identity.kind === 'anonymous' ? {} : { identity: identityAttribute(record.identity) }),
    ...authenticationAttributes(record),
    ...(record.aliases.size > 0 ? { aliases: aliasAttribute(record.aliases) } : {}),
    ...(record.outgoingAliases.size > 0 ? { outgoingAliases: outgoingAttribute(record.outgoingAliases) } : {}),
    ...unreleasedAttributes(record),
    ...(record.debt === undefined ? {} : { debt: number(record.debt) }),
    ...(record.subscribed ? { subscribed: subscribedAttribute(record.subscribed) } : {}),
    ...(record.allowance ? { allowance: allowanceAttribute(record.allowance) } : {}),
    ...(record.address ? { address: text(record.address) } : {}),
    ...(record.quota ? { quota: text(record.quota) } : {}),
    ...(record.control ? { control: controlAllowanceAttribute(record.control) } : {}),
  };
}

/** Reads a row of the connections table, which is a pending or a full connection. */
export function toStored(item: Item | undefined): StoredConnection {
  if (!item) return {};
  return isPending(item) ? { pending: toPending(item) } : { connection: toRecord(item) };
}

function toRecord(item: Item): ConnectionRecord {
  return {
    connectionId: readText(item.connectionId),
    clientId: readText(item.clientId),
    version: readVersion(item.version),
    sessionExpiry: item.sessionExpiry ? readNumber(item.sessionExpiry) : sessionExpiryOfRelease01(item),
    session: readText(item.session),
    fence: readText(item.fence),
    keepAlive: readNumber(item.keepAlive),
    lastSeen: readNumber(item.lastSeen),
    lastNumber: readNumber(item.lastNumber),
    tail: readBytes(item.tail),
    ...(item.rest?.L ? { rest: readRest(item.rest.L) } : {}),
    early: readEarly(item.early),
    hasWill: readFlag(item.hasWill),
    isCounted: readFlag(item.hasSeat),
    hasState: readFlag(item.hasState),
    capabilities: readCapabilities(item),
    aliases: readAliases(item),
    outgoingAliases: readOutgoing(item),
    ...readUnreleased(item),
    ...(item.debt ? { debt: readNumber(item.debt) } : {}),
    ...readSubscriptionCounts(item),
    identity: readIdentity(item.identity),
    ...readAllowance(item),
    ...(item.address ? { address: readText(item.address) } : {}),
    ...(item.quota ? { quota: readText(item.quota) } : {}),
    ...(item.control?.L ? { control: readControlAllowance(item.control.L) } : {}),
    ...readAuthentication(item),
    ...(item.ended?.M ? { ended: readEnding(item.ended.M) } : {}),
    ...(item.supersededAt ? { supersededAt: readNumber(item.supersededAt) } : {}),
    ...(item.takenOver ? { isTakenOver: true } : {}),
  };
}

/** Release 0.1 supported MQTT 3.1.1 only, where a session ends with its connection or never. */
function sessionExpiryOfRelease01({ clean }: Item): number {
  return readFlag(clean) ? 0 : sessionForever;
}

function restAttribute({ eventId, firstIndex, receivedAt }: FrameRest) {
  return { L: [text(eventId), number(firstIndex), number(receivedAt)] };
}

function readRest([eventId, firstIndex, receivedAt]: AttributeValue[]): FrameRest {
  return { eventId: readText(eventId), firstIndex: readNumber(firstIndex), receivedAt: readNumber(receivedAt) };
}

function controlAllowanceAttribute({ packets, unknown, at }: ControlAllowance) {
  return { L: [number(Math.floor(packets)), number(Math.floor(unknown)), number(at)] };
}

function readControlAllowance([packets, unknown, at]: AttributeValue[]): ControlAllowance {
  return { packets: readNumber(packets), unknown: readNumber(unknown), at: readNumber(at) };
}

/** Compares numbers only: a number is given to one frame only. */
function isSameEarly(one: readonly EarlyFrame[], other: readonly EarlyFrame[]): boolean {
  return one.length === other.length && one.every(({ number: position }, index) => position === other[index]?.number);
}

/** An absent attribute means an empty set in a new session, and an unknown one in a resumed session. */
function unreleasedAttributes({ unreleased, session, fence }: ConnectionRecord): Item {
  const isImplied = session === fence ? unreleased?.size === 0 : unreleased === undefined;
  return isImplied ? {} : { holds: packetIdAttribute(unreleased ?? []) };
}

function readUnreleased({ holds, session, fence }: Item): Pick<ConnectionRecord, 'unreleased'> {
  if (holds) return { unreleased: new Set(readPacketIds(holds)) };
  return readText(session) === readText(fence) ? { unreleased: new Set() } : {};
}

function authenticationAttributes({ authentication }: ConnectionRecord): Item {
  if (!authentication) return {};
  const { method, state } = authentication;
  return { method: text(method), ...(state === undefined ? {} : { exchange: text(state) }) };
}

function readAuthentication({ method, exchange }: Item): Pick<ConnectionRecord, 'authentication'> {
  if (!method) return {};
  return { authentication: { method: readText(method), ...(exchange ? { state: readText(exchange) } : {}) } };
}

function aliasAttribute(aliases: ReadonlyMap<number, string>) {
  return { M: Object.fromEntries([...aliases].map(([alias, topic]) => [String(alias), text(topic)])) };
}

/** Maps alias to topic: a topic may be longer than an attribute name of DynamoDB. */
function outgoingAttribute(aliases: ReadonlyMap<string, number>) {
  return aliasAttribute(new Map([...aliases].map(([topic, alias]) => [alias, topic])));
}

function readOutgoing({ outgoingAliases }: Item): ReadonlyMap<string, number> {
  const byNumber = readAliases({ ...(outgoingAliases ? { aliases: outgoingAliases } : {}) });
  return new Map([...byNumber].map(([alias, topic]) => [topic, alias]));
}

function readAliases({ aliases }: Item): ReadonlyMap<number, string> {
  return new Map(Object.entries(aliases?.M ?? {}).map(([alias, topic]) => [Number(alias), readText(topic)]));
}

function endingAttributes({ willAt, sessionEndsAt }: Ending): Item {
  return {
    ...(willAt === undefined ? {} : { willAt: number(willAt) }),
    ...(sessionEndsAt === undefined ? {} : { sessionEndsAt: number(sessionEndsAt) }),
  };
}

export function readEnding({ willAt, sessionEndsAt }: Item): Ending {
  return {
    ...(willAt ? { willAt: readNumber(willAt) } : {}),
    ...(sessionEndsAt ? { sessionEndsAt: readNumber(sessionEndsAt) } : {}),
  };
}
