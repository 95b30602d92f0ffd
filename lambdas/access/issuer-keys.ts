import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import type { Issuer } from './access-config';
import { isLoopback } from './loopback';

/** Milliseconds that keys are used without a new fetch. A key that its issuer has withdrawn stays valid so long. */
const maxAge = 10 * 60_000;
/** Milliseconds that keys are used while their issuer cannot be reached. */
const maxStaleAge = 60 * 60_000;
/** Milliseconds between two fetches for unknown keys: anybody can send a token that names a key that does not exist. */
const unknownKeyInterval = 30_000;
/** Milliseconds until the next fetch after a failure: each attempt may take all of `timeLimit`. */
const retryInterval = 5_000;
/** Maximum duration of discovery and fetch together, in milliseconds; a client waits for its CONNACK. */
const timeLimit = 3_000;
/** Maximum size of a document in bytes; key sets of large issuers have about 10,000. */
const maxDocumentBytes = 256 * 1024;

/** The keys of the issuer cannot be fetched. The token may be valid. */
export class IssuerUnreachableError extends Error {
  override readonly name = 'IssuerUnreachableError';
}

interface LoadedKeys {
  readonly loadedAt: number;
  readonly findKey: JWTVerifyGetKey;
}

/**
 * Keys of one issuer, from its `jwksUri` or by OpenID Connect Discovery 1.0 section 4. They are fetched at first use, after `maxAge`,
 * and when a token names an unknown key, as after a rotation. Only configured addresses, and the `jwks_uri` of the configured
 * issuer, are fetched.
 */
export class IssuerKeys {
  private loaded: LoadedKeys | undefined;
  private loading: Promise<LoadedKeys> | undefined;
  private failedAt = Number.NEGATIVE_INFINITY;

  /** @throws Error if an address is neither https nor on this machine */
  constructor(private readonly issuer: Pick<Issuer, 'issuer' | 'jwksUri'>) {
    checkAddress(issuer.issuer);
    if (issuer.jwksUri !== undefined) checkAddress(issuer.jwksUri);
  }

  /**
   * Returns a function that finds the key that a token names. `now` in milliseconds since 1970.
   *
   * The function throws IssuerUnreachableError, or an error of jose if there is no such key.
   */
  keyFinder(now: number): JWTVerifyGetKey {
    return async (header, token) => {
      const loaded = await this.loadIfStale(now);
      try {
        return await loaded.findKey(header, token);
      } catch (error) {
        if (!(error instanceof errors.JOSEError))
          throw new IssuerUnreachableError('a key is malformed', { cause: error });
        const isFetchDue = error instanceof errors.JWKSNoMatchingKey && now - loaded.loadedAt >= unknownKeyInterval;
        if (!isFetchDue) throw error;
        return (await this.load(now)).findKey(header, token);
      }
    };
  }

  private async loadIfStale(now: number): Promise<LoadedKeys> {
    const { loaded } = this;
    const age = loaded === undefined ? Number.POSITIVE_INFINITY : now - loaded.loadedAt;
    if (loaded !== undefined && age < maxAge) return loaded;
    try {
      return await this.load(now);
    } catch (error) {
      if (loaded !== undefined && age < maxStaleAge && error instanceof IssuerUnreachableError) return loaded;
      throw error;
    }
  }

  /** Runs one fetch at a time; all callers share it. */
  private load(now: number): Promise<LoadedKeys> {
    if (now - this.failedAt < retryInterval)
      return Promise.reject(new IssuerUnreachableError('the last attempt failed recently'));
    this.loading ??= this.loadOnce(now).finally(() => {
      this.loading = undefined;
    });
    return this.loading;
  }

  private async loadOnce(now: number): Promise<LoadedKeys> {
    try {
      this.loaded = { loadedAt: now, findKey: await this.fetchKeys() };
      return this.loaded;
    } catch (error) {
      this.failedAt = now;
      throw error;
    }
  }

  private async fetchKeys(): Promise<JWTVerifyGetKey> {
    const signal = AbortSignal.timeout(timeLimit);
    const address = this.issuer.jwksUri ?? (await this.discover(signal));
    const keys = await fetchJson(address, signal);
    try {
      return createLocalJWKSet(keys as unknown as JSONWebKeySet);
    } catch (cause) {
      throw new IssuerUnreachableError(`${address} is not a set of keys`, { cause });
    }
  }

  private async discover(signal: AbortSignal): Promise<string> {
    const { issuer } = this.issuer;
    const document = await fetchJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, signal);
    // Section 4.3: `issuer` must equal the requested issuer, or an issuer could publish keys in the name of another.
    if (document.issuer !== issuer) throw new IssuerUnreachableError(`${issuer} has the document of another issuer`);
    const { jwks_uri: address } = document;
    if (typeof address !== 'string') throw new IssuerUnreachableError(`${issuer} has no jwks_uri`);
    try {
      checkDiscovered(address, issuer);
    } catch (cause) {
      throw new IssuerUnreachableError(`${issuer} has a jwks_uri that is not accepted`, { cause });
    }
    return address;
  }
}

/** @throws Error if the address is neither https nor on this machine */
function checkAddress(address: string): void {
  if (!URL.canParse(address)) throw new Error(`not an address: ${JSON.stringify(address)}`);
  const url = new URL(address);
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))) return;
  throw new Error(`${address} is not https`);
}

/** Only an issuer on this machine may refer to this machine: in Lambda, the API of the runtime listens there. */
function checkDiscovered(address: string, issuer: string): void {
  checkAddress(address);
  if (isLoopback(new URL(address)) && !isLoopback(new URL(issuer))) throw new Error(`${address} is not public`);
}

/** Fetches a JSON object. Redirects are refused: they would let others choose the address. */
async function fetchJson(address: string, signal: AbortSignal): Promise<Record<string, unknown>> {
  try {
    const response = await fetch(address, { redirect: 'error', signal, headers: { accept: 'application/json' } });
    if (response.status !== 200) throw new Error(`status ${response.status}`);
    const document: unknown = JSON.parse(await readText(response));
    if (typeof document !== 'object' || document === null) throw new Error('no JSON object');
    return document as Record<string, unknown>;
  } catch (cause) {
    throw new IssuerUnreachableError(`${address} could not be read`, { cause });
  }
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > maxDocumentBytes) throw new Error(`more than ${maxDocumentBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
