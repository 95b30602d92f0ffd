import type { Access } from './access';
import type { AccessConfig } from './access-config';
import { Authenticator, type AuthenticatorProps } from './authenticator';
import { verifierOf } from './create-token-verifier';
import { OAuthBearer } from './oauth-bearer';
import { ScramSha256 } from './scram';

type Stores = Pick<AuthenticatorProps, 'accounts' | 'logins'>;
type Surroundings = Pick<AuthenticatorProps, 'bindings' | 'now' | 'log' | 'maxConnectionsPerUser'>;

/** Everything that decides about clients, as it is configured. */
export function assembleAccess(config: AccessConfig, stores: Stores, surroundings: Surroundings): Access {
  const tokens = verifierOf(config);
  const methods = [
    ...(config.users ? [new ScramSha256(stores.logins)] : []),
    ...(config.issuers.length > 0 ? [new OAuthBearer(tokens)] : []),
  ];
  return new Authenticator({ config, ...stores, tokens, methods, ...surroundings });
}
