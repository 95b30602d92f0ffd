import { DeleteItemCommand, GetItemCommand, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { type Bindings, type Holder, longestClientIdPrefix, type PrefixHolder } from '../access/accounts';
import { accountOf, type Identity } from '../access/identity';
import type { DynamoDb } from '../aws/dynamodb';
import { number, readNumber, readText, text } from './attributes';
import type { Item } from './dynamo';
import { beginningOf, keyOf, maxPartitionKeyBytes, maxSortKeyBytes } from './shortened-keys';
import { versioned } from './versioned-dynamo';

/** A table and its partitions: one for each client id, and one for all prefixes. */
interface Partitions {
  readonly table: 'accounts' | 'logins';
  readonly exact: string;
  readonly prefixes: string;
}

/** Partitions of bindings that operators write with accounts. */
export const accountPartitions: Partitions = { table: 'accounts', exact: 'client#', prefixes: 'prefixes' };

/** Partitions of bindings that functions write; no function may write accounts. */
export const seenPartitions: Partitions = { table: 'logins', exact: 'seen client#', prefixes: 'seen prefixes' };

/** Rows read for one client id. More accounts may be bound to it, but the first valid one decides. */
const maxHolders = 100;

/**
 * Bindings of client ids. The partition of a client id has one row for each account or subject that is bound to exactly
 * this client id. The partition of prefixes has one row for each account that is bound to a prefix. Its rows are sorted
 * by bytes, so a backward query from a client id finds its longest prefix. Reads are eventually consistent, at half the
 * price.
 */
export class DynamoBindings implements Bindings {
  private readonly db: DynamoDb;

  constructor(
    db: DynamoDb,
    private readonly table: string,
    private readonly partitions = accountPartitions,
  ) {
    this.db = versioned(db, { [table]: partitions.table });
  }

  async holders(clientId: string, now: number): Promise<readonly Holder[]> {
    const { Items = [] } = await this.db.send(
      new QueryCommand({
        TableName: this.table,
        KeyConditionExpression: 'id = :id',
        ExpressionAttributeValues: { ':id': this.exactId(clientId) },
        Limit: maxHolders,
      }),
    );
    return Items.filter((item) => isValid(item, now)).map(toHolder);
  }

  async *prefixHolders(clientId: string, now: number): AsyncGenerator<PrefixHolder> {
    let below = afterPrefix(beginningOf(clientId, longestClientIdPrefix));
    for (;;) {
      const item = await this.lastBefore(below);
      if (!item) return;
      const prefix = readText(item.prefix);
      if (clientId.startsWith(prefix)) {
        if (isValid(item, now)) yield { prefix, username: readText(item.username) };
        below = readText(item.part);
      } else {
        const common = commonBeginning(prefix, clientId); // no longer prefix of the client id sorts before this one
        if (common === '') return;
        below = afterPrefix(common);
      }
    }
  }

  /** Returns the end of a stored binding in milliseconds since 1970; undefined when there is no binding. */
  async keptUntil(identity: Identity): Promise<number | undefined> {
    const Key = this.keyOfBinding(identity);
    if (!Key) return undefined;
    const { Item } = await this.db.send(new GetItemCommand({ TableName: this.table, Key }));
    return Item && expiryOf(Item);
  }

  /**
   * Stores the binding of an identity that has one. `until` is in milliseconds since 1970; without it the binding has
   * no end.
   */
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

  /** Removes the binding of an identity that has one. */
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
    return text(keyOf(clientId, maxPartitionKeyBytes, this.partitions.exact));
  }

  /** Undefined when the identity is bound to nothing, or to a prefix that is too long. */
  private keyOfBinding(identity: Identity): Item | undefined {
    const { clientId, clientIdPrefix, username = '' } = identity;
    if (clientId !== undefined)
      return { id: this.exactId(clientId), part: text(keyOf(accountOf(identity), maxSortKeyBytes)) };
    if (clientIdPrefix === undefined || Buffer.byteLength(clientIdPrefix) > longestClientIdPrefix) return undefined;
    return { id: text(this.partitions.prefixes), part: text(clientIdPrefix + separator + username) };
  }
}

/** End of a binding in milliseconds since 1970. */
function expiryOf({ expiresAt }: Item): number {
  return expiresAt ? readNumber(expiresAt) * 1000 : Number.POSITIVE_INFINITY;
}

function isValid(item: Item, now: number): boolean {
  return expiryOf(item) > now;
}

function toHolder({ kind, username, issuer }: Item): Holder {
  const isToken = readText(kind) === 'token';
  return {
    kind: isToken ? 'token' : 'user',
    username: readText(username),
    ...(isToken && { issuer: readText(issuer) }),
  };
}

/** True for an item of the accounts table that is a binding written with an account. */
export function isBinding({ id }: Item): boolean {
  const { exact, prefixes } = accountPartitions;
  return readText(id).startsWith(exact) || readText(id) === prefixes;
}

/** Returns the account of a binding as an identity. */
export function readBinding({ username, clientId, prefix }: Item): Identity {
  return { kind: 'user', username: readText(username), clientId: clientId?.S, clientIdPrefix: prefix?.S };
}

/** No user name and no client id contains U+0000, so the rows of a prefix sort before those of all longer prefixes. */
const separator = '\u0000';

/** Returns a sort key directly after all rows of a prefix. */
function afterPrefix(prefix: string): string {
  return `${prefix}\u0001`;
}

/** Compares code points, so that it never splits a surrogate pair. */
function commonBeginning(one: string, other: string): string {
  const others = [...other];
  const characters = [...one];
  const end = characters.findIndex((character, index) => character !== others[index]);
  return characters.slice(0, end === -1 ? characters.length : end).join('');
}
