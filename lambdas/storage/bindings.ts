import { DeleteItemCommand, GetItemCommand, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { type BindingStore, type Holder, longestClientIdPrefix, type PrefixHolder } from '../access/accounts';
import { accountOf, type Identity } from '../access/identity';
import type { DynamoDb } from '../aws/lean-dynamodb';
import { number, readNumber, readText, text } from './attributes';
import type { Item } from './dynamo';
import { formed } from './formed-dynamo';
import { beginningOf, keyOf, maximumPartitionKey, maximumSortKey } from './keys';

const exactPrefix = 'client#';
const prefixPartition = 'prefixes';

/** Rows of one client id that are read: more accounts than that may be bound to it, but the first that is valid decides. */
const mostHolders = 100;

/** Milliseconds that a binding of a token is kept after its subject has connected last. It is renewed when half of it is over. */
const tokenLifetime = 90 * 24 * 3600 * 1000;

/**
 * Bindings of client ids, in the accounts table. `client#ID` has one row for each account or subject that is bound to exactly this
 * client id. `prefixes` has one row for each account that is bound to a prefix: in the order of their bytes, the longest prefix of a
 * client id is found by looking backwards from it. Reads are eventually consistent, at half the price.
 */
export class DynamoBindings implements BindingStore {
  private readonly db: DynamoDb;

  constructor(
    db: DynamoDb,
    private readonly table: string,
  ) {
    this.db = formed(db, { [table]: 'accounts' });
  }

  async holders(clientId: string, now: number): Promise<readonly Holder[]> {
    const { Items = [] } = await this.db.send(
      new QueryCommand({
        TableName: this.table,
        KeyConditionExpression: 'id = :id',
        ExpressionAttributeValues: { ':id': exactId(clientId) },
        Limit: mostHolders,
      }),
    );
    return Items.filter((item) => !item.expiresAt || readNumber(item.expiresAt) * 1000 > now).map(toHolder);
  }

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

  async keep(identity: Identity, now: number): Promise<void> {
    const key = keyOfBinding(identity);
    if (!key) return;
    const { Item } = await this.db.send(new GetItemCommand({ TableName: this.table, Key: key }));
    if (Item && (!Item.expiresAt || readNumber(Item.expiresAt) * 1000 > now + tokenLifetime / 2)) return;
    await this.put(identity, key, identity.kind === 'token' ? now + tokenLifetime : undefined);
  }

  /** Stores the binding of an account, if it has one. */
  async add(identity: Identity): Promise<void> {
    const key = keyOfBinding(identity);
    if (key) await this.put(identity, key);
  }

  /** Removes the binding of an account, if it has one. */
  async remove(identity: Identity): Promise<void> {
    const Key = keyOfBinding(identity);
    if (Key) await this.db.send(new DeleteItemCommand({ TableName: this.table, Key }));
  }

  private async put(identity: Identity, key: Item, expiresAt?: number): Promise<void> {
    const { kind, username = '', issuer, clientId, clientIdPrefix } = identity;
    const Item = {
      ...key,
      kind: text(kind),
      username: text(username),
      ...(issuer === undefined ? {} : { issuer: text(issuer) }),
      ...(clientId === undefined ? {} : { clientId: text(clientId) }),
      ...(clientIdPrefix === undefined ? {} : { prefix: text(clientIdPrefix) }),
      ...(expiresAt === undefined ? {} : { expiresAt: number(Math.ceil(expiresAt / 1000)) }),
    };
    await this.db.send(new PutItemCommand({ TableName: this.table, Item }));
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

/** Whether an item of the accounts table is the binding of an account, not of a token. */
export function isBindingOfUser({ id, kind }: Item): boolean {
  const partition = readText(id);
  return (partition.startsWith(exactPrefix) || partition === prefixPartition) && readText(kind) === 'user';
}

/** The binding of an account, as an identity. */
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

function toHolder({ kind, username, issuer }: Item): Holder {
  const isToken = readText(kind) === 'token';
  return {
    kind: isToken ? 'token' : 'user',
    username: readText(username),
    ...(isToken && { issuer: readText(issuer) }),
  };
}

/** By characters, not by the halves of surrogate pairs. */
function commonBeginning(one: string, other: string): string {
  const others = [...other];
  const characters = [...one];
  const end = characters.findIndex((character, index) => character !== others[index]);
  return characters.slice(0, end === -1 ? characters.length : end).join('');
}
