import {
  DeleteItemCommand,
  type DeleteItemCommandInput,
  ScanCommand,
  type ScanCommandOutput,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import type { SessionItem } from '../broker/model/session';
import type { StoredRow, StoredRows } from '../broker/ports/directories';
import { shapeOf } from '../protocol/shape';
import { number, readNumber, readText, text } from './attributes';
import { type Item, unlessConditionFailed } from './dynamo';
import type { TableName } from './schema';
import { checkVersion, isKnownVersion } from './schema-version';
import { sessionItemPart, toSessionItem } from './session-item';
import { isShortened } from './shortened-keys';
import { subscriptionPrefix } from './subscription-rows';
import { isShapeList } from './topic-index';
import { willPrefix } from './wills';

type Table = Extract<TableName, 'connections' | StoredRow['table']>;

/**
 * Rows of connections and sessions, table by table, by eventually consistent scans at half the price. Rows with a newer
 * schema version are skipped. A session item with a newer version is an error, because its rows are unknown.
 */
export class DynamoStoredRows implements StoredRows {
  constructor(
    private readonly db: DynamoDb,
    private readonly names: Readonly<Record<Table, string>>,
  ) {}

  async *connections(): AsyncGenerator<string[]> {
    for await (const page of this.scan('connections')) yield page.map(({ connectionId }) => readText(connectionId));
  }

  /** @throws NewerSchemaVersionError */
  async *sessionItems(): AsyncGenerator<SessionItem[]> {
    for await (const page of this.scan('sessions')) {
      const items = page.filter(({ part }) => readText(part) === sessionItemPart);
      for (const item of items) checkVersion('sessions', item);
      yield items.map(toSessionItem);
    }
  }

  async *rows(): AsyncGenerator<StoredRow[]> {
    for (const [table, read] of readers) {
      for await (const page of this.scan(table)) {
        yield page.filter((item) => isKnownVersion(table, item)).flatMap((item) => read(item) ?? []);
      }
    }
  }

  /** A newer session may own an index row by now, and another run may have removed the row already. */
  async remove({ table, key, session }: StoredRow): Promise<'removed' | 'changed'> {
    const condition: Partial<DeleteItemCommandInput> =
      table === 'topicIndex'
        ? {
            ConditionExpression: '#session = :session',
            ExpressionAttributeNames: { '#session': 'session' },
            ExpressionAttributeValues: { ':session': text(session ?? '') },
          }
        : { ConditionExpression: 'attribute_exists(#key)', ExpressionAttributeNames: { '#key': keyNames[table][1] } };
    const output = await unlessConditionFailed(
      this.db.send(new DeleteItemCommand({ TableName: this.names[table], Key: toKey(table, key), ...condition })),
    );
    return output ? 'removed' : 'changed';
  }

  async mark({ table, key }: StoredRow, markedAt: number): Promise<void> {
    const command = new UpdateItemCommand({
      TableName: this.names[table],
      Key: toKey(table, key),
      UpdateExpression: 'SET strandedAt = :at',
      ConditionExpression: 'attribute_exists(id) AND attribute_not_exists(strandedAt)',
      ExpressionAttributeValues: { ':at': number(markedAt) },
    });
    await unlessConditionFailed(this.db.send(command));
  }

  private async *scan(table: Table): AsyncGenerator<Item[]> {
    let start: Item | undefined;
    do {
      const command = new ScanCommand({
        TableName: this.names[table],
        ...projections[table],
        ExclusiveStartKey: start,
      });
      const { Items = [], LastEvaluatedKey }: ScanCommandOutput = await this.db.send(command);
      yield Items;
      start = LastEvaluatedKey;
    } while (start);
  }
}

/** Attributes to read, without payloads. */
const projections = {
  connections: { ProjectionExpression: 'connectionId' },
  sessions: {},
  topicIndex: {
    ProjectionExpression: 'v, #filter, clientId, #session, #shape',
    ExpressionAttributeNames: { '#filter': 'filter', '#session': 'session', '#shape': 'shape' },
  },
  inflight: { ProjectionExpression: 'v, #session, slot', ExpressionAttributeNames: { '#session': 'session' } },
} as const;

const keyNames = {
  sessions: ['id', 'part'],
  topicIndex: ['filter', 'clientId'],
  inflight: ['session', 'slot'],
} as const satisfies Record<StoredRow['table'], readonly [string, string]>;

function toKey(table: StoredRow['table'], [first, second]: StoredRow['key']): Item {
  const [one, other] = keyNames[table];
  return { [one]: text(first), [other]: text(second) };
}

function keyIn(table: StoredRow['table'], item: Item): StoredRow['key'] {
  const [one, other] = keyNames[table];
  return [readText(item[one]), readText(item[other])];
}

function toSessionRow(item: Item): StoredRow | undefined {
  const part = readText(item.part);
  const key = keyIn('sessions', item);
  if (part.startsWith(subscriptionPrefix)) return { table: 'sessions', key, session: key[0] };
  if (!part.startsWith(willPrefix)) return undefined;
  const markedAt = item.strandedAt ? { markedAt: readNumber(item.strandedAt) } : {};
  return { table: 'sessions', key, connectionId: part.slice(willPrefix.length), ...markedAt };
}

/** Rows of earlier releases with a shortened key do not store their shape. */
function toIndexRow(item: Item): StoredRow | undefined {
  if (isShapeList(item)) return undefined;
  const filter = readText(item.filter);
  const shape = item.shape ? readText(item.shape) : isShortened(filter) ? undefined : shapeOf(filter);
  const key = keyIn('topicIndex', item);
  return { table: 'topicIndex', key, session: readText(item.session), ...(shape !== undefined && { shape }) };
}

function toInflightRow(item: Item): StoredRow {
  const key = keyIn('inflight', item);
  return { table: 'inflight', key, session: key[0] };
}

const readers: readonly (readonly [StoredRow['table'], (item: Item) => StoredRow | undefined])[] = [
  ['sessions', toSessionRow],
  ['topicIndex', toIndexRow],
  ['inflight', toInflightRow],
];
