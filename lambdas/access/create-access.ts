import type { Access } from './access';
import type { AccessConfig } from './access-config';
import { Authenticator, type AuthenticatorProps } from './authenticator';
import { createTokenVerifier } from './create-token-verifier';
import { OAuthBearer } from './oauth-bearer';
import { ScramSha256 } from './scram';

type Stores = Pick<AuthenticatorProps, 'accounts' | 'logins'>;
type Environment = Pick<AuthenticatorProps, 'bindings' | 'now' | 'log' | 'maxConnectionsPerUser'>;

/** Creates the authenticator of a broker, with the methods of enhanced authentication that the configuration allows. */
export function createAccess(config: AccessConfig, stores: Stores, environment: Environment): Access {
  const tokens = createTokenVerifier(config);
  const methods = [
    ...(config.users ? [new ScramSha256(stores.logins)] : []),
    ...(config.issuers.length > 0 ? [new OAuthBearer(tokens)] : []),
  ];
  return new Authenticator({ config, ...stores, tokens, methods, ...environment });
}
