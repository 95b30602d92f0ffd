import type { Access } from './access';
import type { AccessConfig } from './access-config';
import { Gatekeeper, type GatekeeperProps } from './gatekeeper';
import { OAuthBearer } from './oauth-bearer';
import { ScramSha256 } from './scram';
import { verifierOf } from './verifier';

type Stores = Pick<GatekeeperProps, 'accounts' | 'logins'>;
type Surroundings = Pick<GatekeeperProps, 'bindings' | 'now' | 'log' | 'maxConnectionsPerUser'>;

/** Everything that decides about clients, as it is configured. */
export function assembleAccess(config: AccessConfig, stores: Stores, surroundings: Surroundings): Access {
  const tokens = verifierOf(config);
  const methods = [
    ...(config.users ? [new ScramSha256(stores.logins)] : []),
    ...(config.issuers.length > 0 ? [new OAuthBearer(tokens)] : []),
  ];
  return new Gatekeeper({ config, ...stores, tokens, methods, ...surroundings });
}
