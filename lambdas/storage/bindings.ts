import { DeleteItemCommand, GetItemCommand, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { type Holder, longestClientIdPrefix, type PrefixHolder } from '../access/accounts';
import { accountOf, type Identity } from '../access/identity';
import type { DynamoDb } from '../aws/lean-dynamodb';
import { readText, text } from './attributes';
import type { Item } from './dynamo';
import { formed } from './formed-dynamo';
import { beginningOf, keyOf, maximumPartitionKey, maximumSortKey } from './keys';

const exactPrefix = 'client#';
const prefixPartition = 'prefixes';

/** Accounts of one client id that are read: more may be bound to it, but the first that is valid decides. */
const mostHolders = 100;

/**
 * Bindings of accounts to client ids, in the accounts table, written with the account. `client#ID` has one row for each account that
 * is bound to exactly this client id. `prefixes` has one row for each account that is bound to a prefix: in the order of their bytes,
 * the longest prefix of a client id is found by looking backwards from it. Reads are eventually consistent, at half the price.
 */
export class DynamoBindings {
  private readonly db: DynamoDb;

  constructor(
    db: DynamoDb,
    private readonly table: string,
  ) {
    this.db = formed(db, { [table]: 'accounts' });
  }

  /** Accounts that are bound to exactly this client id. */
  async holders(clientId: string): Promise<readonly Holder[]> {
    const { Items = [] } = await this.db.send(
      new QueryCommand({
        TableName: this.table,
        KeyConditionExpression: 'id = :id',
        ExpressionAttributeValues: { ':id': exactId(clientId) },
        Limit: mostHolders,
      }),
    );
    return Items.map(({ username }) => ({ kind: 'user', username: readText(username) }));
  }

  /** Accounts that are bound to a prefix of this client id, the longest prefix first. */
  async *prefixHolders(clientId: string): AsyncGenerator<PrefixHolder> {
    let below = behind(beginningOf(clientId, longestClientIdPrefix));
    for (;;) {
      const item = await this.lastBefore(below);
      if (!item) return;
      const prefix = readText(item.prefix);
      if (clientId.startsWith(prefix)) {
        yield { prefix, username: readText(item.username) };
        below = readText(item.part);
      } else {
        const common = commonBeginning(prefix, clientId); // no longer prefix of the client id comes before this one
        if (common === '') return;
        below = behind(common);
      }
    }
  }

  async has(identity: Identity): Promise<boolean> {
    const Key = keyOfBinding(identity);
    if (!Key) return false;
    return (await this.db.send(new GetItemCommand({ TableName: this.table, Key }))).Item !== undefined;
  }

  /** Stores the binding of an account, if it has one. */
  async add(identity: Identity): Promise<void> {
    const key = keyOfBinding(identity);
    if (!key) return;
    const { username = '', clientId, clientIdPrefix } = identity;
    const Item = {
      ...key,
      username: text(username),
      ...(clientId === undefined ? {} : { clientId: text(clientId) }),
      ...(clientIdPrefix === undefined ? {} : { prefix: text(clientIdPrefix) }),
    };
    await this.db.send(new PutItemCommand({ TableName: this.table, Item }));
  }

  /** Removes the binding of an account, if it has one. */
  async remove(identity: Identity): Promise<void> {
    const Key = keyOfBinding(identity);
    if (Key) await this.db.send(new DeleteItemCommand({ TableName: this.table, Key }));
  }

  private async lastBefore(part: string): Promise<Item | undefined> {
    const { Items = [] } = await this.db.send(
      new QueryCommand({
        TableName: this.table,
        KeyConditionExpression: 'id = :id AND part < :part',
        ExpressionAttributeValues: { ':id': text(prefixPartition), ':part': text(part) },
        ScanIndexForward: false,
        Limit: 1,
      }),
    );
    return Items[0];
  }
}

/** Whether an item of the accounts table is a binding. */
export function isBinding({ id }: Item): boolean {
  const partition = readText(id);
  return partition.startsWith(exactPrefix) || partition === prefixPartition;
}

/** The account of a binding, as an identity. */
export function readBinding({ username, clientId, prefix }: Item): Identity {
  return { kind: 'user', username: readText(username), clientId: clientId?.S, clientIdPrefix: prefix?.S };
}

/** No user name and no client id contains it, so rows of a prefix come before those of all longer ones. */
const separator = '\u0000';

/** Comes right behind all rows of a prefix. */
function behind(prefix: string): string {
  return `${prefix}\u0001`;
}

function exactId(clientId: string) {
  return text(keyOf(clientId, maximumPartitionKey, exactPrefix));
}

/** Undefined when the identity is bound to nothing, or to a prefix that is too long. */
function keyOfBinding(identity: Identity): Item | undefined {
  const { clientId, clientIdPrefix, username = '' } = identity;
  if (clientId !== undefined) return { id: exactId(clientId), part: text(keyOf(accountOf(identity), maximumSortKey)) };
  if (clientIdPrefix === undefined || Buffer.byteLength(clientIdPrefix) > longestClientIdPrefix) return undefined;
  return { id: text(prefixPartition), part: text(clientIdPrefix + separator + username) };
}

/** By characters, not by the halves of surrogate pairs. */
function commonBeginning(one: string, other: string): string {
  const others = [...other];
  const characters = [...one];
  const end = characters.findIndex((character, index) => character !== others[index]);
  return characters.slice(0, end === -1 ? characters.length : end).join('');
}
