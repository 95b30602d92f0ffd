import type { AccessConfig } from './access-config';
import type { AccountCache } from './account-cache';
import type { Account, BindingStore, Bindings, Holder } from './accounts';
import type { Identity } from './identity';
import { precedenceOf, precedences, prefixPrecedence } from './precedence';

export interface ClientIdsProps {
  readonly config: AccessConfig;
  readonly accounts: AccountCache;
  readonly bindings: BindingStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Decides to whom a client id belongs: to the account or the subject of a token that is bound to it most closely. */
export class ClientIds {
  constructor(private readonly props: ClientIdsProps) {}

  /**
   * Whether a client id is reserved for others. That an identity is bound to it is stored: of a token nobody knows before it is
   * shown, and `users add` of an earlier release stored no bindings.
   */
  async reserve(identity: Identity, clientId: string): Promise<'reserved' | 'usable'> {
    if (!this.canBeBound()) return 'usable';
    const { bindings, now } = this.props;
    const own = precedenceOf(identity, clientId);
    if (own > precedences.proved) await bindings.keep(identity, now());
    if (own === precedences.exact) return 'usable';
    return (await this.highest(clientId)) > own ? 'reserved' : 'usable';
  }

  /** Whether the configuration lets in anybody who may be bound to a client id. */
  private canBeBound(): boolean {
    const { users, issuers } = this.props.config;
    return users || issuers.some(({ clientIdClaim }) => clientIdClaim !== undefined);
  }

  /** Precedence of whoever is bound to a client id most closely; that of anonymous clients when nobody is. */
  private async highest(clientId: string): Promise<number> {
    const asked = this.props.bindings.sources.flatMap((bindings) => [
      this.isHeld(bindings, clientId).then((isHeld) => (isHeld ? precedences.exact : precedences.anonymous)),
      this.longestPrefix(bindings, clientId).then((prefix) =>
        prefix ? prefixPrecedence(prefix) : precedences.anonymous,
      ),
    ]);
    return Math.max(...(await Promise.all(asked)));
  }

  private async isHeld(bindings: Bindings, clientId: string): Promise<boolean> {
    for (const holder of await bindings.holders(clientId, this.props.now())) {
      if (await this.holds(holder, clientId)) return true;
    }
    return false;
  }

  private async holds({ kind, username = '', issuer }: Holder, clientId: string): Promise<boolean> {
    const { issuers } = this.props.config;
    if (kind === 'user') return this.isBound(username, (account) => account.clientId === clientId);
    return issuers.some((known) => known.issuer === issuer && known.clientIdClaim !== undefined);
  }

  private async longestPrefix(bindings: Bindings, clientId: string): Promise<string | undefined> {
    if (!this.props.config.users) return undefined;
    for await (const { prefix, username } of bindings.prefixHolders(clientId, this.props.now())) {
      if (await this.isBound(username, (account) => account.clientIdPrefix === prefix)) return prefix;
    }
    return undefined;
  }

  /** What is remembered of an account may be older than its binding, so a denial is read anew. */
  private async isBound(username: string, fits: (account: Account) => boolean): Promise<boolean> {
    const { config, accounts } = this.props;
    if (!config.users) return false;
    const known = accounts.remembered(username)?.account;
    if (known && fits(known)) return true;
    const account = await accounts.read(username);
    return account !== undefined && fits(account);
  }
}
