import type { ItemWriter } from '../aws/dynamodb';
import type { PendingConnection, Takeover } from '../broker/model/connection';
import type { ConnectionStore } from '../broker/ports/connection-store';
import {
  bytes,
  flag,
  identityAttribute,
  number,
  readBytes,
  readFlag,
  readIdentity,
  readNumber,
  readText,
  text,
} from './attributes';
import { connectionKey, earlyAttribute, readEarly } from './connection-attributes';
import type { Item } from './dynamo';
import { writtenVersion } from './schema-version';

/**
 * Milliseconds. A client that is not connected after a minute never will be; DynamoDB removes rows that its end did
 * not.
 */
const rowLifetime = 3_600_000;

/** Writes pending connections for the handshake without the SDK's commands, which would be most of its bundle. */
export class DynamoPendingConnections implements Pick<ConnectionStore, 'putPending'> {
  constructor(
    private readonly db: ItemWriter,
    private readonly table: string,
  ) {}

  async putPending(pending: PendingConnection): Promise<void> {
    await this.db.putItem({ TableName: this.table, Item: pendingItem(pending) });
  }
}

export function pendingItem(pending: PendingConnection): Item {
  const { connectionId, lastNumber, tail, early, proved, exchange, takeover } = pending;
  return {
    ...connectionKey(connectionId),
    pending: flag(true),
    lastNumber: number(lastNumber),
    ...(tail.length > 0 ? { tail: bytes(tail) } : {}),
    ...(early.length > 0 ? { early: earlyAttribute(early) } : {}),
    ...(proved ? { identity: identityAttribute(proved) } : {}),
    ...(exchange ? { connect: bytes(exchange.connect), exchange: text(exchange.state) } : {}),
    ...(takeover ? { takeover: { M: takeoverAttributes(takeover) } } : {}),
    expiresAt: number(Math.ceil((Date.now() + rowLifetime) / 1000)),
    ...writtenVersion('connections'),
  };
}

export function isPending({ pending }: Item): boolean {
  return readFlag(pending);
}

export function toPending(item: Item): PendingConnection {
  return {
    connectionId: readText(item.connectionId),
    lastNumber: readNumber(item.lastNumber),
    tail: readBytes(item.tail),
    early: readEarly(item.early),
    ...(item.identity ? { proved: readIdentity(item.identity) } : {}),
    ...(item.connect ? { exchange: { connect: readBytes(item.connect), state: readText(item.exchange) } } : {}),
    ...(item.takeover?.M ? { takeover: readTakeover(item.takeover.M) } : {}),
  };
}

function takeoverAttributes({ connect, identity, data, connectedAt, address, since, lostAt }: Takeover): Item {
  return {
    connect: bytes(connect),
    identity: identityAttribute(identity),
    connectedAt: number(connectedAt),
    address: text(address),
    since: number(since),
    ...(data ? { data: bytes(data) } : {}),
    ...(lostAt === undefined ? {} : { lostAt: number(lostAt) }),
  };
}

function readTakeover(item: Item): Takeover {
  return {
    connect: readBytes(item.connect),
    identity: readIdentity(item.identity),
    connectedAt: readNumber(item.connectedAt),
    address: readText(item.address),
    since: readNumber(item.since),
    ...(item.data ? { data: readBytes(item.data) } : {}),
    ...(item.lostAt ? { lostAt: readNumber(item.lostAt) } : {}),
  };
}
