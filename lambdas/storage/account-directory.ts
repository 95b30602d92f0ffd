import {
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
  type ScanCommandOutput,
} from '@aws-sdk/client-dynamodb';
import type { Account, AccountDirectory } from '../access/accounts';
import type { Identity } from '../access/identity';
import type { DynamoDb } from '../aws/dynamodb';
import { accountItem, accountKey, isAccount, readAccount } from './account-item';
import { DynamoBindings, isBinding, readBinding } from './bindings';
import { type Item, unlessConditionFailed } from './dynamo';
import { versioned } from './versioned-dynamo';

/**
 * Accounts as an operator manages them. It scans, so it takes the SDK's client. It writes the client id binding before
 * the account and removes it after the account: a binding without its account has no effect.
 */
export class DynamoAccountDirectory implements AccountDirectory {
  private readonly db: DynamoDb;
  private readonly bindings: DynamoBindings;

  constructor(
    db: DynamoDb,
    private readonly table: string,
  ) {
    this.db = versioned(db, { [table]: 'accounts' });
    this.bindings = new DynamoBindings(db, table);
  }

  async read(username: string): Promise<Account | undefined> {
    const command = new GetItemCommand({ TableName: this.table, Key: accountKey(username), ConsistentRead: true });
    const { Item } = await this.db.send(command);
    return Item && readAccount(Item);
  }

  /**
   * An existing account may be the one of this call, whose response was lost: no other account has its hash with the
   * same salt.
   */
  async create(account: Account): Promise<'created' | 'exists'> {
    await this.bindings.add(bindingOf(account));
    if ((await this.put(account, 'attribute_not_exists(id)')) === 'done') return 'created';
    const found = await this.read(account.username);
    if (found && accountText(found) === accountText(account)) return 'created';
    await this.releaseBinding(account, found);
    return 'exists';
  }

  async replace(account: Account): Promise<'replaced' | 'absent'> {
    const before = await this.read(account.username);
    if (!before) return 'absent';
    await this.bindings.add(bindingOf(account));
    if ((await this.put(account, 'attribute_exists(id)')) === 'unmet') {
      await this.releaseBinding(account, undefined);
      return 'absent';
    }
    await this.releaseBinding(before, account);
    return 'replaced';
  }

  /** Reads before it deletes: a deletion that is repeated after a lost response finds nothing. */
  async remove(username: string): Promise<'removed' | 'absent'> {
    const Key = accountKey(username);
    const { Item } = await this.db.send(new GetItemCommand({ TableName: this.table, Key, ConsistentRead: true }));
    if (!Item) return 'absent';
    await this.db.send(new DeleteItemCommand({ TableName: this.table, Key }));
    await this.bindings.remove(storedBindingOf(username, Item));
    return 'removed';
  }

  /** Removes the binding of an account, unless the account that now exists has the same one. */
  private async releaseBinding(account: Account, left: Account | undefined): Promise<void> {
    const isKept = left?.clientId === account.clientId && left?.clientIdPrefix === account.clientIdPrefix;
    if (!isKept) await this.bindings.remove(bindingOf(account));
  }

  async reserveClientIds(): Promise<{ readonly reserved: number; readonly released: number }> {
    const stored = new Map<string, Identity>();
    const wanted = new Map<string, Identity>();
    for await (const items of this.pages()) {
      for (const item of items.filter(isBinding)) stored.set(bindingText(readBinding(item)), readBinding(item));
      for (const account of items.filter(isAccount).map(readAccount)) {
        if (isBound(account)) wanted.set(bindingText(bindingOf(account)), bindingOf(account));
      }
    }
    const missing = [...wanted].filter(([name]) => !stored.has(name));
    for (const [, binding] of missing) await this.bindings.add(binding);
    const unowned = [...stored].filter(([name]) => !wanted.has(name));
    for (const [, binding] of unowned) await this.bindings.remove(binding);
    return { reserved: missing.length, released: unowned.length };
  }

  async *list(): AsyncGenerator<Account[]> {
    for await (const items of this.pages()) yield items.filter(isAccount).map(readAccount);
  }

  private async *pages(): AsyncGenerator<Item[]> {
    let start: Item | undefined;
    do {
      const command = new ScanCommand({ TableName: this.table, ConsistentRead: true, ExclusiveStartKey: start });
      const page: ScanCommandOutput = await this.db.send(command);
      yield page.Items ?? [];
      start = page.LastEvaluatedKey;
    } while (start);
  }

  private async put(account: Account, ConditionExpression: string): Promise<'done' | 'unmet'> {
    const output = await unlessConditionFailed(
      this.db.send(new PutItemCommand({ TableName: this.table, Item: accountItem(account), ConditionExpression })),
    );
    return output ? 'done' : 'unmet';
  }
}

function isBound({ clientId, clientIdPrefix }: Account): boolean {
  return clientId !== undefined || clientIdPrefix !== undefined;
}

function bindingText({ username, clientId, clientIdPrefix }: Identity): string {
  return JSON.stringify([username, clientId, clientIdPrefix]);
}

function bindingOf({ username, clientId, clientIdPrefix }: Account): Identity {
  return { kind: 'user', username, clientId, clientIdPrefix };
}

/** Binding of an account whose other attributes may be unreadable. */
function storedBindingOf(username: string, { clientId, clientIdPrefix }: Item): Identity {
  return { kind: 'user', username, clientId: clientId?.S, clientIdPrefix: clientIdPrefix?.S };
}

function accountText(account: Account): string {
  return JSON.stringify(accountItem(account));
}
