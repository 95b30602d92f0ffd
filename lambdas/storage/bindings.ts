import { DeleteItemCommand, GetItemCommand, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { type Bindings, type Holder, longestClientIdPrefix, type PrefixHolder } from '../access/accounts';
import { accountOf, type Identity } from '../access/identity';
import type { DynamoDb } from '../aws/dynamodb';
import { number, readNumber, readText, text } from './attributes';
import type { Item } from './dynamo';
import { beginningOf, keyOf, maximumPartitionKey, maximumSortKey } from './keys';
import { versioned } from './versioned-dynamo';

/** A table and names of partitions in it: of one client id, and of all prefixes. */
interface Partitions {
  readonly table: 'accounts' | 'logins';
  readonly exact: string;
  readonly prefixes: string;
}

/** Bindings that are written with accounts. */
export const partitionsOfAccounts: Partitions = { table: 'accounts', exact: 'client#', prefixes: 'prefixes' };

/** Bindings that functions write: no function may write accounts. */
export const partitionsOfSeen: Partitions = { table: 'logins', exact: 'seen client#', prefixes: 'seen prefixes' };

/** Rows of one client id that are read: more may be bound to it, but the first that is valid decides. */
const mostHolders = 100;

/**
 * Bindings of client ids. The partition of a client id has one row for each account or subject that is bound to exactly this one. The
 * partition of prefixes has one row for each account that is bound to a prefix: in the order of their bytes, the longest prefix of a
 * client id is found by looking backwards from it. Reads are eventually consistent, at half the price.
 */
export class DynamoBindings implements Bindings {
  private readonly db: DynamoDb;

  constructor(
    db: DynamoDb,
    private readonly table: string,
    private readonly partitions = partitionsOfAccounts,
  ) {
    this.db = versioned(db, { [table]: partitions.table });
  }

  async holders(clientId: string, now: number): Promise<readonly Holder[]> {
    const { Items = [] } = await this.db.send(
      new QueryCommand({
        TableName: this.table,
        KeyConditionExpression: 'id = :id',
        ExpressionAttributeValues: { ':id': this.exactId(clientId) },
        Limit: mostHolders,
      }),
    );
    return Items.filter((item) => isValid(item, now)).map(toHolder);
  }

  async *prefixHolders(clientId: string, now: number): AsyncGenerator<PrefixHolder> {
    let below = behind(beginningOf(clientId, longestClientIdPrefix));
    for (;;) {
      const item = await this.lastBefore(below);
      if (!item) return;
      const prefix = readText(item.prefix);
      if (clientId.startsWith(prefix)) {
        if (isValid(item, now)) yield { prefix, username: readText(item.username) };
        below = readText(item.part);
      } else {
        const common = commonBeginning(prefix, clientId); // no longer prefix of the client id comes before this one
        if (common === '') return;
        below = behind(common);
      }
    }
  }

  /** Until when the binding of an identity is stored, milliseconds since 1970; undefined when it is not. */
  async keptUntil(identity: Identity): Promise<number | undefined> {
    const Key = this.keyOfBinding(identity);
    if (!Key) return undefined;
    const { Item } = await this.db.send(new GetItemCommand({ TableName: this.table, Key }));
    return Item && endOf(Item);
  }

  /** Stores the binding of an identity, if it has one. `until` in milliseconds since 1970; without, it has no end. */
  async add(identity: Identity, until?: number): Promise<void> {
    const key = this.keyOfBinding(identity);
    if (!key) return;
    const { kind, username = '', issuer, clientId, clientIdPrefix } = identity;
    const Item = {
      ...key,
      kind: text(kind),
      username: text(username),
      ...(issuer === undefined ? {} : { issuer: text(issuer) }),
      ...(clientId === undefined ? {} : { clientId: text(clientId) }),
      ...(clientIdPrefix === undefined ? {} : { prefix: text(clientIdPrefix) }),
      ...(until === undefined ? {} : { expiresAt: number(Math.ceil(until / 1000)) }),
    };
    await this.db.send(new PutItemCommand({ TableName: this.table, Item }));
  }

  /** Removes the binding of an identity, if it has one. */
  async remove(identity: Identity): Promise<void> {
    const Key = this.keyOfBinding(identity);
    if (Key) await this.db.send(new DeleteItemCommand({ TableName: this.table, Key }));
  }

  private async lastBefore(part: string): Promise<Item | undefined> {
    const { Items = [] } = await this.db.send(
      new QueryCommand({
        TableName: this.table,
        KeyConditionExpression: 'id = :id AND part < :part',
        ExpressionAttributeValues: { ':id': text(this.partitions.prefixes), ':part': text(part) },
        ScanIndexForward: false,
        Limit: 1,
      }),
    );
    return Items[0];
  }

  private exactId(clientId: string) {
    return text(keyOf(clientId, maximumPartitionKey, this.partitions.exact));
  }

  /** Undefined when the identity is bound to nothing, or to a prefix that is too long. */
  private keyOfBinding(identity: Identity): Item | undefined {
    const { clientId, clientIdPrefix, username = '' } = identity;
    if (clientId !== undefined)
      return { id: this.exactId(clientId), part: text(keyOf(accountOf(identity), maximumSortKey)) };
    if (clientIdPrefix === undefined || Buffer.byteLength(clientIdPrefix) > longestClientIdPrefix) return undefined;
    return { id: text(this.partitions.prefixes), part: text(clientIdPrefix + separator + username) };
  }
}

/** Milliseconds since 1970. */
function endOf({ expiresAt }: Item): number {
  return expiresAt ? readNumber(expiresAt) * 1000 : Number.POSITIVE_INFINITY;
}

function isValid(item: Item, now: number): boolean {
  return endOf(item) > now;
}

function toHolder({ kind, username, issuer }: Item): Holder {
  const isToken = readText(kind) === 'token';
  return {
    kind: isToken ? 'token' : 'user',
    username: readText(username),
    ...(isToken && { issuer: readText(issuer) }),
  };
}

/** Whether an item of the accounts table is a binding that was written with an account. */
export function isBinding({ id }: Item): boolean {
  const { exact, prefixes } = partitionsOfAccounts;
  return readText(id).startsWith(exact) || readText(id) === prefixes;
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

/** By characters, not by the halves of surrogate pairs. */
function commonBeginning(one: string, other: string): string {
  const others = [...other];
  const characters = [...one];
  const end = characters.findIndex((character, index) => character !== others[index]);
  return characters.slice(0, end === -1 ? characters.length : end).join('');
}
