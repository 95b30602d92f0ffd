import { createServer } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

/*
 * The process that `oidc-provider.ts` starts: oidc-provider is an ECMAScript module, which jest cannot load. It
 * prints its issuer, and takes each line it reads as the order to make new keys and forget the old ones.
 *
 * A client asks for its token by the resource it names (RFC 8707): the query of that address says what the token is like.
 */

const algorithms = ['RS256', 'ES256', 'EdDSA'];
let generation = 0;
let provider;

const server = createServer((request, response) => provider.callback()(request, response));
server.listen(0, '127.0.0.1', async () => {
  await rotateKeys();
  console.log(issuer());
});

process.stdin.on('data', async () => {
  await rotateKeys();
  console.log('rotated');
});
process.stdin.on('end', () => process.exit()); // whoever started us has gone

function issuer() {
  return `http://127.0.0.1:${server.address().port}`;
}

async function rotateKeys() {
  generation++;
  const keys = await Promise.all(algorithms.map(makeKey));
  provider = new Provider(issuer(), {
    jwks: { keys },
    clients: [client('device'), client('other-device')],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: { enabled: true, getResourceServerInfo: (_, resource) => describe(new URL(resource)) },
    },
    extraTokenClaims: (_, token) => JSON.parse(new URL(token.resourceServer.identifier()).searchParams.get('claims')),
  });
}

async function makeKey(alg) {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  return { ...(await exportJWK(privateKey)), alg, use: 'sig', kid: `${alg}-${generation}` };
}

function client(id) {
  return {
    client_id: id,
    client_secret: 'secret',
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
  };
}

/** What oidc-provider wants to know of a resource. */
function describe({ searchParams }) {
  return {
    scope: '',
    audience: searchParams.get('audience'),
    accessTokenFormat: 'jwt',
    accessTokenTTL: Number(searchParams.get('ttl')),
    jwt: { sign: { alg: searchParams.get('alg') } },
  };
}
