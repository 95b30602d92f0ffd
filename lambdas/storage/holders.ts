import { GetItemCommand, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import type { BindingStore, Holder, PrefixHolder } from '../access/accounts';
import { accountOf, type Identity } from '../access/identity';
import type { DynamoDb } from '../aws/lean-dynamodb';
import { together } from '../broker/parallel';
import { number, readNumber, readText, text } from './attributes';
import { DynamoBindings } from './bindings';
import type { Item } from './dynamo';
import { formed } from './formed-dynamo';
import { keyOf, maximumPartitionKey, maximumSortKey } from './keys';

const holderPrefix = 'holder#';

/** Rows of one client id that are read. */
const mostHolders = 100;

/** Milliseconds that a holder is kept after it has connected last. It is written again when half of that is over. */
const lifetime = 90 * 24 * 3600 * 1000;

/** Deployed names of the tables. */
export interface BindingTables {
  readonly accounts: string;
  /** Has the rows that functions write. */
  readonly holders: string;
}

/**
 * Bindings of client ids: those that operators write with accounts, and holders that were seen to be bound, with rows below
 * `holder#ID`. Nobody knows of a token before it is shown, and earlier releases stored no bindings of accounts.
 */
export class DynamoHolders implements BindingStore {
  private readonly db: DynamoDb;
  private readonly bindings: DynamoBindings;

  constructor(
    db: DynamoDb,
    private readonly tables: BindingTables,
  ) {
    this.db = formed(db, { [tables.holders]: 'accounts' });
    this.bindings = new DynamoBindings(db, tables.accounts);
  }

  async holders(clientId: string, now: number): Promise<readonly Holder[]> {
    const [bound, seen] = await together([this.bindings.holders(clientId), this.seen(clientId, now)]);
    return [...bound, ...seen];
  }

  prefixHolders(clientId: string): AsyncIterable<PrefixHolder> {
    return this.bindings.prefixHolders(clientId);
  }

  async keep(identity: Identity, clientId: string, now: number): Promise<void> {
    if (identity.kind === 'user' && (await this.bindings.has(identity))) return;
    const Key = holderKey(clientId, identity);
    const TableName = this.tables.holders;
    const { Item } = await this.db.send(new GetItemCommand({ TableName, Key }));
    if (Item && endOf(Item) > now + lifetime / 2) return;
    await this.db.send(new PutItemCommand({ TableName, Item: { ...Key, ...holderAttributes(identity, now) } }));
  }

  private async seen(clientId: string, now: number): Promise<readonly Holder[]> {
    const { Items = [] } = await this.db.send(
      new QueryCommand({
        TableName: this.tables.holders,
        KeyConditionExpression: 'id = :id',
        ExpressionAttributeValues: { ':id': holderId(clientId) },
        Limit: mostHolders,
      }),
    );
    return Items.filter((item) => endOf(item) > now).map(toHolder);
  }
}

function holderId(clientId: string) {
  return text(keyOf(clientId, maximumPartitionKey, holderPrefix));
}

function holderKey(clientId: string, identity: Identity): Item {
  return { id: holderId(clientId), part: text(keyOf(accountOf(identity), maximumSortKey)) };
}

function holderAttributes({ kind, username = '', issuer, clientIdPrefix }: Identity, now: number): Item {
  return {
    kind: text(kind),
    username: text(username),
    ...(issuer === undefined ? {} : { issuer: text(issuer) }),
    ...(clientIdPrefix === undefined ? {} : { prefix: text(clientIdPrefix) }),
    expiresAt: number(Math.ceil((now + lifetime) / 1000)),
  };
}

/** Milliseconds since 1970. */
function endOf({ expiresAt }: Item): number {
  return readNumber(expiresAt) * 1000;
}

function toHolder({ kind, username, issuer, prefix }: Item): Holder {
  return {
    kind: readText(kind) === 'token' ? 'token' : 'user',
    username: readText(username),
    ...(issuer && { issuer: readText(issuer) }),
    ...(prefix && { clientIdPrefix: readText(prefix) }),
  };
}
