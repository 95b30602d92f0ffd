import { createHash } from 'node:crypto';
import { allowEverything, type Permissions } from '../protocol/permissions';
import { Reason } from '../protocol/reason-codes';
import type { Access, Login, LoginResult } from './access';
import type { AccessConfig } from './access-config';
import { type AccessLog, AccountCache } from './account-cache';
import type { Account, AccountStore, BindingStore } from './accounts';
import type { AuthenticationMethod } from './authentication-method';
import { ClientIds } from './client-ids';
import { type Identity, isGoodFor } from './identity';
import { identityOf, isStillAllowed, rulesOf } from './identity-rules';
import { attemptOf, LoginLimits } from './login-limits';
import type { LoginStore } from './logins';
import { verifyPassword } from './password-hash';
import { precedenceOf, precedences } from './precedence';
import { RulePermissions } from './rule-permissions';
import { looksLikeToken, type TokenOutcome } from './tokens';

/** What a token is checked by. */
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
  /** 0 is any number. */
  readonly maxConnectionsPerUser: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: AccessLog;
}

/** Clients whose permissions one container remembers. */
const rememberedClients = 10_000;

/** Decides by configuration, accounts and tokens who may come in, and what each may do. */
export class Authenticator implements Access {
  private readonly accounts: AccountCache;
  private readonly limits: LoginLimits;
  private readonly clientIds: ClientIds;
  private readonly methods: ReadonlyMap<string, AuthenticationMethod>;
  private readonly compiled = new Map<string, { readonly account?: Account; readonly permissions: Permissions }>();

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

  private async checkPassword(attempted: Login, password: Buffer): Promise<LoginResult> {
    const login = await this.limits.read(attemptOf(attempted.username, attempted));
    const { account } = login;
    // Where everybody may do everything a password keeps nobody out; only that of somebody known has to be right.
    if (!account && this.props.config.anonymous === 'everything') return { identity: { kind: 'anonymous' } };
    if (await this.limits.mustWait(login))
      return { refused: Reason.connectionRateExceeded, why: 'too many failed logins' };
    const isRight = await verifyPassword(account?.passwordHash, password);
    if (isRight && account) {
      await this.limits.succeeded(login, account);
      return { identity: identityOf(account) };
    }
    await this.limits.failed(login);
    return { refused: Reason.badUserNameOrPassword, why: account ? 'wrong password' : 'no such user' };
  }

  remembered(identity: Identity, clientId: string): Permissions | 'revoked' | undefined {
    if (!isStillAllowed(this.props.config, identity)) return 'revoked';
    if (identity.kind !== 'user') return this.permissionsOf(identity, clientId, undefined);
    const known = this.accounts.remembered(identity.username ?? '');
    return known && this.permissionsOf(identity, clientId, known.account);
  }

  async permissions(identity: Identity, clientId: string): Promise<Permissions | 'revoked'> {
    if (!isStillAllowed(this.props.config, identity)) return 'revoked';
    const known = this.remembered(identity, clientId);
    if (known && known !== 'revoked') return known; // a user who had no account may have one by now, and has just logged in
    return this.currentPermissions(identity, clientId);
  }

  async currentPermissions(identity: Identity, clientId: string): Promise<Permissions | 'revoked'> {
    if (!isStillAllowed(this.props.config, identity)) return 'revoked';
    const isUser = identity.kind === 'user';
    return this.permissionsOf(
      identity,
      clientId,
      isUser ? await this.accounts.read(identity.username ?? '') : undefined,
    );
  }

  reserve(identity: Identity, clientId: string): Promise<'reserved' | 'usable'> {
    return this.clientIds.reserve(identity, clientId);
  }

  async precedence(identity: Identity, clientId: string): Promise<number> {
    if (!isStillAllowed(this.props.config, identity)) return precedences.revoked;
    if (identity.kind !== 'user') return precedenceOf(identity, clientId);
    const known = this.accounts.remembered(identity.username ?? '');
    const remembered = known && precedenceOfAccount(known.account, clientId);
    if (remembered === precedences.proved) return remembered; // a binding may have gone to another account by now
    return precedenceOfAccount(await this.accounts.read(identity.username ?? ''), clientId);
  }

  connectionLimit({ kind, username = '' }: Identity): number | undefined {
    const { maxConnectionsPerUser } = this.props;
    const account = kind === 'user' ? this.accounts.remembered(username)?.account : undefined;
    return account?.maxConnections ?? (maxConnectionsPerUser > 0 ? maxConnectionsPerUser : undefined);
  }

  private permissionsOf(identity: Identity, clientId: string, account: Account | undefined): Permissions | 'revoked' {
    if (identity.kind === 'anonymous' && this.props.config.anonymous === 'everything') return allowEverything;
    if (identity.kind === 'user' && !(account && isGoodFor(account, clientId))) return 'revoked';
    const key = keyOf(identity, clientId);
    const known = this.compiled.get(key);
    if (known && known.account === account) return known.permissions;
    const permissions = new RulePermissions(rulesOf(this.props.config, identity, account), { ...identity, clientId });
    this.remember(key, { permissions, ...(account && { account }) });
    return permissions;
  }

  private remember(key: string, entry: { readonly account?: Account; readonly permissions: Permissions }): void {
    this.compiled.delete(key);
    this.compiled.set(key, entry);
    const [oldest] = this.compiled.keys();
    if (this.compiled.size > rememberedClients && oldest !== undefined) this.compiled.delete(oldest);
  }
}

function precedenceOfAccount(account: Account | undefined, clientId: string): number {
  if (!account || !isGoodFor(account, clientId)) return precedences.revoked;
  return precedenceOf(identityOf(account), clientId);
}

/** Rules and claims of a token may be long. */
function keyOf({ kind, issuer, username, claims, rules }: Identity, clientId: string): string {
  const plain = JSON.stringify([kind, clientId, username, issuer]);
  if (!claims && !rules) return plain;
  return createHash('sha256')
    .update(JSON.stringify([plain, claims, rules]))
    .digest('base64');
}
