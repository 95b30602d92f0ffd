import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { ConnectionRecord, EarlyFrame, Ending, FrameRest, StoredConnection } from '../broker/model/connection';
import type { ControlAllowance } from '../broker/model/control-allowance';
import { sessionForever } from '../protocol/effects';
import {
  allowanceAttribute,
  bytes,
  capabilityAttributes,
  flag,
  identityAttribute,
  number,
  packetIdAttribute,
  readAllowance,
  readBytes,
  readCapabilities,
  readFlag,
  readIdentity,
  readNumber,
  readPacketIds,
  readSubscriptionCounts,
  readText,
  readVersion,
  subscribedAttribute,
  text,
} from './attributes';
import { connectionKey, earlyAttribute, readEarly } from './connection-attributes';
import type { Item } from './dynamo';
import { isPending, toPending } from './pending-connections';

/** Seconds for which the row of a connection is kept. API Gateway ends every connection after two hours. */
export const rowLifetimeSeconds = 24 * 3600;

/**
 * Expressions for the changes of a turn. Attributes with default values stay absent, which keeps items and commits
 * small.
 */
export function changesOf(
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

/** Returns the row of a connection. */
export function toItem(record: ConnectionRecord): Item {
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

export function toRecord(item: Item): ConnectionRecord {
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

export function endingAttributes({ willAt, sessionEndsAt }: Ending): Item {
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
