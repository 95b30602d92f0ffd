import { DeleteItemCommand, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import type { Will } from '../protocol/effects';
import { messageAttributes, number, readMessage, readNumber, text } from './attributes';
import { type Item, unlessConditionFailed } from './dynamo';
import { keyOf, maxPartitionKeyBytes } from './shortened-keys';

/** Prefix of the sort key; the connection id follows. */
export const willPrefix = 'will#';

/** Rows of the sessions table: the will of each connection that has one. */
export class Wills {
  constructor(
    private readonly db: DynamoDb,
    private readonly table: string,
  ) {}

  async put(clientId: string, connectionId: string, will: Will): Promise<void> {
    const Item = { ...willKey(clientId, connectionId), ...willAttributes(will) };
    await this.db.send(new PutItemCommand({ TableName: this.table, Item }));
  }

  async read(clientId: string, connectionId: string): Promise<Will | undefined> {
    const Key = willKey(clientId, connectionId);
    const { Item } = await this.db.send(new GetItemCommand({ TableName: this.table, Key, ConsistentRead: true }));
    return Item && readWill(Item);
  }

  async remove(clientId: string, connectionId: string): Promise<'removed' | 'absent'> {
    const command = new DeleteItemCommand({
      TableName: this.table,
      Key: willKey(clientId, connectionId),
      ConditionExpression: 'attribute_exists(part)',
    });
    return (await unlessConditionFailed(this.db.send(command))) ? 'removed' : 'absent';
  }
}

function willKey(clientId: string, connectionId: string): Item {
  return { id: text(keyOf(clientId, maxPartitionKeyBytes)), part: text(willPrefix + connectionId) };
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
