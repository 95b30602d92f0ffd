import type { BindingStore, Bindings } from '../access/accounts';
import type { Identity } from '../access/identity';
import type { DynamoBindings } from './bindings';

/**
 * Milliseconds for which a binding is kept after the last connect of its client. It is renewed in the second half of
 * that time.
 */
const bindingLifetime = 90 * 24 * 3600 * 1000;

/**
 * Client id bindings from two tables: bindings that operators write with accounts, and bindings that the broker has
 * seen. The subject of a token is unknown before its first use, and earlier releases stored no bindings of accounts.
 */
export class CombinedBindings implements BindingStore {
  readonly sources: readonly Bindings[];

  constructor(
    private readonly ofAccounts: DynamoBindings,
    private readonly seen: DynamoBindings,
  ) {
    this.sources = [ofAccounts, seen];
  }

  async keep(identity: Identity, now: number): Promise<void> {
    if (identity.kind === 'user' && (await this.ofAccounts.keptUntil(identity)) !== undefined) return;
    const until = (await this.seen.keptUntil(identity)) ?? 0;
    if (until < now + bindingLifetime / 2) await this.seen.add(identity, now + bindingLifetime);
  }
}
