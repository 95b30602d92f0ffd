import { createHash } from 'node:crypto';
import { allowEverything, type Permissions } from '../protocol/permissions';
import { Reason } from '../protocol/reason-codes';
import { LruMap } from '../shared/lru-map';
import type { Access, Login, LoginResult } from './access';
import type { AccessConfig } from './access-config';
import { type AccessLog, AccountCache } from './account-cache';
import type { Account, AccountStore, BindingStore } from './accounts';
import type { AuthenticationMethod } from './authentication-method';
import { ClientIds } from './client-ids';
import { allowsClientId, type Identity } from './identity';
import { LoginLimits, loginAttempt } from './login-limits';
import type { LoginStore } from './logins';
import { verifyPassword } from './password-hash';
import { precedenceOf, precedences } from './precedence';
import { RulePermissions } from './rule-permissions';
import { identityOf, isStillAllowed, rulesOf } from './rules-of-identity';
import { looksLikeToken, type TokenOutcome } from './token-verifier';

export interface TokenCheck {
  verify(token: string, now: number): Promise<TokenOutcome>;
}

export interface AuthenticatorProps {
  readonly config: AccessConfig;
  readonly accounts: AccountStore;
  readonly logins: LoginStore;
  readonly bindings: BindingStore;
  readonly tokens: TokenCheck;
  readonly methods: readonly AuthenticationMethod[];
  /** 0 means no limit. */
  readonly maxConnectionsPerUser: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: AccessLog;
}

/** Maximum number of clients whose compiled permissions a container caches. */
const maxCachedClients = 10_000;

interface CompiledPermissions {
  /** Account that the permissions were compiled from. */
  readonly account?: Account;
  readonly permissions: Permissions;
}

/** Authenticates clients, and decides what they may do, by configuration, accounts and tokens. */
export class Authenticator implements Access {
  private readonly accounts: AccountCache;
  private readonly limits: LoginLimits;
  private readonly clientIds: ClientIds;
  private readonly methods: ReadonlyMap<string, AuthenticationMethod>;
  private readonly compiled = new LruMap<string, CompiledPermissions>({ maxSize: maxCachedClients });

  constructor(private readonly props: AuthenticatorProps) {
    this.accounts = new AccountCache(props.accounts, props.now, props.log);
    this.limits = new LoginLimits(props.logins);
    this.clientIds = new ClientIds({ ...props, accounts: this.accounts });
    this.methods = new Map(props.methods.map((method) => [method.name, method]));
  }

  method(name: string): AuthenticationMethod | undefined {
    return this.methods.get(name);
  }

  async authenticate(login: Login): Promise<LoginResult> {
    const { config, tokens } = this.props;
    const { password, proved } = login;
    if (password && config.issuers.length > 0 && looksLikeToken(password)) {
      const outcome = await tokens.verify(password.toString(), login.now);
      return 'identity' in outcome ? outcome : { refused: outcome.reason, why: outcome.refused };
    }
    if (password && config.users) return this.checkPassword(login, password);
    if (proved) return { identity: proved };
    if (config.anonymous !== 'off') return { identity: { kind: 'anonymous' } };
    return { refused: Reason.notAuthorized, why: 'no proof of identity' };
  }

  private async checkPassword(login: Login, password: Buffer): Promise<LoginResult> {
    const state = await this.limits.read(loginAttempt(login.username, login));
    const { account } = state;
    // If anonymous clients may do everything, a password protects nothing: only that of an existing user is checked.
    if (!account && this.props.config.anonymous === 'everything') return { identity: { kind: 'anonymous' } };
    if (await this.limits.mustWait(state))
      return { refused: Reason.connectionRateExceeded, why: 'too many failed logins' };
    const isRight = await verifyPassword(account?.passwordHash, password);
    if (isRight && account) {
      await this.limits.recordSuccess(state, account);
      return { identity: identityOf(account) };
    }
    await this.limits.recordFailure(state);
    return { refused: Reason.badUserNameOrPassword, why: account ? 'wrong password' : 'no such user' };
  }

  cachedPermissions(identity: Identity, clientId: string): Permissions | 'revoked' | undefined {
    if (!isStillAllowed(this.props.config, identity)) return 'revoked';
    if (identity.kind !== 'user') return this.permissionsOf(identity, clientId, undefined);
    const cached = this.accounts.get(identity.username ?? '');
    return cached && this.permissionsOf(identity, clientId, cached.account);
  }

  async permissions(identity: Identity, clientId: string): Promise<Permissions | 'revoked'> {
    if (!isStillAllowed(this.props.config, identity)) return 'revoked';
    const cached = this.cachedPermissions(identity, clientId);
    if (cached && cached !== 'revoked') return cached; // a cached `revoked` may be older than a new account, so it is read again
    return this.currentPermissions(identity, clientId);
  }

  async currentPermissions(identity: Identity, clientId: string): Promise<Permissions | 'revoked'> {
    if (!isStillAllowed(this.props.config, identity)) return 'revoked';
    const isUser = identity.kind === 'user';
    const account = isUser ? await this.accounts.read(identity.username ?? '') : undefined;
    return this.permissionsOf(identity, clientId, account);
  }

  reserveClientId(identity: Identity, clientId: string): Promise<'reserved' | 'usable'> {
    return this.clientIds.reserve(identity, clientId);
  }

  async precedence(identity: Identity, clientId: string): Promise<number> {
    if (!isStillAllowed(this.props.config, identity)) return precedences.revoked;
    if (identity.kind !== 'user') return precedenceOf(identity, clientId);
    const cachedAccount = this.accounts.get(identity.username ?? '');
    const cached = cachedAccount && precedenceOfAccount(cachedAccount.account, clientId);
    if (cached === precedences.authenticated) return cached; // any other may have changed with a binding, so it is read again
    return precedenceOfAccount(await this.accounts.read(identity.username ?? ''), clientId);
  }

  connectionLimit({ kind, username = '' }: Identity): number | undefined {
    const { maxConnectionsPerUser } = this.props;
    const account = kind === 'user' ? this.accounts.get(username)?.account : undefined;
    return account?.maxConnections ?? (maxConnectionsPerUser > 0 ? maxConnectionsPerUser : undefined);
  }

  private permissionsOf(identity: Identity, clientId: string, account: Account | undefined): Permissions | 'revoked' {
    if (identity.kind === 'anonymous' && this.props.config.anonymous === 'everything') return allowEverything;
    if (identity.kind === 'user' && !(account && allowsClientId(account, clientId))) return 'revoked';
    const key = cacheKeyOf(identity, clientId);
    const cached = this.compiled.get(key);
    if (cached && cached.account === account) return cached.permissions;
    const permissions = new RulePermissions(rulesOf(this.props.config, identity, account), { ...identity, clientId });
    this.compiled.set(key, { permissions, ...(account && { account }) });
    return permissions;
  }
}

function precedenceOfAccount(account: Account | undefined, clientId: string): number {
  if (!account || !allowsClientId(account, clientId)) return precedences.revoked;
  return precedenceOf(identityOf(account), clientId);
}

/** Hashes rules and claims of a token, which may be long. */
function cacheKeyOf({ kind, issuer, username, claims, rules }: Identity, clientId: string): string {
  const plain = JSON.stringify([kind, clientId, username, issuer]);
  if (!claims && !rules) return plain;
  return createHash('sha256')
    .update(JSON.stringify([plain, claims, rules]))
    .digest('base64');
}
