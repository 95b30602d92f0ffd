import type { AccessConfig } from './access-config';
import type { AccountCache } from './account-cache';
import type { Account, BindingOwner, BindingStore, Bindings } from './accounts';
import type { Identity } from './identity';
import { precedenceOf, precedences, prefixPrecedence } from './precedence';

export interface ClientIdsProps {
  readonly config: AccessConfig;
  readonly accounts: AccountCache;
  readonly bindings: BindingStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Decides who may use a client id: the account or the subject of a token with the most specific binding to it. */
export class ClientIds {
  constructor(private readonly props: ClientIdsProps) {}

  /**
   * Checks whether a client id is reserved for others, and saves the binding of the identity itself. The broker learns a binding
   * of a token only when a client shows the token, and `users add` of an earlier release saved no bindings.
   */
  async reserve(identity: Identity, clientId: string): Promise<'reserved' | 'usable'> {
    if (!this.canHaveBindings()) return 'usable';
    const { bindings, now } = this.props;
    const own = precedenceOf(identity, clientId);
    if (own > precedences.authenticated) await bindings.save(identity, now());
    if (own === precedences.exact) return 'usable';
    return (await this.highestPrecedence(clientId)) > own ? 'reserved' : 'usable';
  }

  /** Checks whether the configuration allows any identity that may be bound to a client id. */
  private canHaveBindings(): boolean {
    const { users, issuers } = this.props.config;
    return users || issuers.some(({ clientIdClaim }) => clientIdClaim !== undefined);
  }

  /** Returns the highest precedence of all owners of a client id; that of anonymous clients if it has no owner. */
  private async highestPrecedence(clientId: string): Promise<number> {
    const precedencesFound = this.props.bindings.sources.flatMap((bindings) => [
      this.isOwned(bindings, clientId).then((isOwned) => (isOwned ? precedences.exact : precedences.anonymous)),
      this.longestOwnedPrefix(bindings, clientId).then((prefix) =>
        prefix ? prefixPrecedence(prefix) : precedences.anonymous,
      ),
    ]);
    return Math.max(...(await Promise.all(precedencesFound)));
  }

  private async isOwned(bindings: Bindings, clientId: string): Promise<boolean> {
    for (const owner of await bindings.owners(clientId, this.props.now())) {
      if (await this.isOwner(owner, clientId)) return true;
    }
    return false;
  }

  private async isOwner({ kind, username = '', issuer }: BindingOwner, clientId: string): Promise<boolean> {
    const { issuers } = this.props.config;
    if (kind === 'user') return this.isBound(username, (account) => account.clientId === clientId);
    return issuers.some((known) => known.issuer === issuer && known.clientIdClaim !== undefined);
  }

  private async longestOwnedPrefix(bindings: Bindings, clientId: string): Promise<string | undefined> {
    if (!this.props.config.users) return undefined;
    for await (const { prefix, username } of bindings.prefixOwners(clientId, this.props.now())) {
      if (await this.isBound(username, (account) => account.clientIdPrefix === prefix)) return prefix;
    }
    return undefined;
  }

  /** Reads the account again if the cached one is not bound, because it may be older than the binding. */
  private async isBound(username: string, matchesBinding: (account: Account) => boolean): Promise<boolean> {
    const { config, accounts } = this.props;
    if (!config.users) return false;
    const cached = accounts.get(username)?.account;
    if (cached && matchesBinding(cached)) return true;
    const account = await accounts.read(username);
    return account !== undefined && matchesBinding(account);
  }
}
