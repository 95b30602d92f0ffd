import type { AccessConfig } from './access-config';
import type { AccountCache } from './account-cache';
import type { Account, BindingStore, Holder } from './accounts';
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
    if (own > precedences.proved) await bindings.keep(identity, clientId, now());
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
    const [ofHolders, prefix] = await Promise.all([this.highestOfHolders(clientId), this.longestPrefix(clientId)]);
    return Math.max(ofHolders, prefix === undefined ? precedences.anonymous : prefixPrecedence(prefix));
  }

  private async highestOfHolders(clientId: string): Promise<number> {
    const { bindings, now } = this.props;
    const holders = [...(await bindings.holders(clientId, now()))];
    holders.sort((one, other) => precedenceOfHolder(other) - precedenceOfHolder(one));
    for (const holder of holders) if (await this.holds(holder, clientId)) return precedenceOfHolder(holder);
    return precedences.anonymous;
  }

  private async holds({ kind, username = '', issuer, clientIdPrefix }: Holder, clientId: string): Promise<boolean> {
    const { issuers } = this.props.config;
    if (kind === 'token') return issuers.some((known) => known.issuer === issuer && known.clientIdClaim !== undefined);
    if (clientIdPrefix !== undefined)
      return this.isBound(username, (account) => account.clientIdPrefix === clientIdPrefix);
    return this.isBound(username, (account) => account.clientId === clientId);
  }

  private async longestPrefix(clientId: string): Promise<string | undefined> {
    if (!this.props.config.users) return undefined;
    for await (const { prefix, username } of this.props.bindings.prefixHolders(clientId)) {
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

function precedenceOfHolder({ clientIdPrefix }: Holder): number {
  return clientIdPrefix === undefined ? precedences.exact : prefixPrecedence(clientIdPrefix);
}
