import type { BindingStore, Bindings } from '../access/accounts';
import type { Identity } from '../access/identity';
import type { DynamoBindings } from './bindings';

/** Milliseconds that a binding is kept after its client has connected last. It is written again when half of that is over. */
const bindingLifetime = 90 * 24 * 3600 * 1000;

/**
 * Bindings that operators write with accounts, and bindings of clients that were seen to be bound: nobody knows of a token before it
 * is shown, and earlier releases stored no bindings of accounts.
 */
export class DynamoBindingStore implements BindingStore {
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
