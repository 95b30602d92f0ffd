import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import type { Issuer } from './access-config';
import { isLoopback } from './loopback';

/** Milliseconds that keys count as fresh: so long a key that its issuer has withdrawn is still believed. */
const freshness = 10 * 60_000;
/** Milliseconds that keys are used while their issuer cannot be asked for newer ones. */
const longestUse = 60 * 60_000;
/** Milliseconds between two looks for a key that is not there: anybody can name one that does not exist. */
const cooldown = 30_000;
/** Milliseconds in which an issuer that could not be reached is not asked again: each try may cost all of `timeLimit`. */
const pause = 5_000;
/** Milliseconds that discovery and keys may take together; a client waits for its CONNACK. */
const timeLimit = 3_000;
/** Bytes of a document; key sets of large issuers have some 10,000. */
const largestDocument = 256 * 1024;

/** The keys of the issuer are not to be had: that says nothing about the token. */
export class IssuerUnreachableError extends Error {
  override readonly name = 'IssuerUnreachableError';
}

interface Loaded {
  readonly at: number;
  readonly findKey: JWTVerifyGetKey;
}

/**
 * The keys of one issuer, from its `jwksUri` or by OpenID Connect Discovery 1.0 section 4. They are fetched when first needed
 * and again when they are no longer fresh, or when a token names one that is not among them, as after a rotation. Only
 * what is configured, or what the configured issuer names as its keys, is ever fetched.
 */
export class IssuerKeys {
  private loaded: Loaded | undefined;
  private loading: Promise<Loaded> | undefined;
  private failedAt = Number.NEGATIVE_INFINITY;

  /** @throws Error when an address is neither https nor on this machine. */
  constructor(private readonly issuer: Pick<Issuer, 'issuer' | 'jwksUri'>) {
    checkAddress(issuer.issuer, true);
    if (issuer.jwksUri !== undefined) checkAddress(issuer.jwksUri, true);
  }

  /**
   * Finds the key that a token says it is signed with. `now` in milliseconds since 1970.
   *
   * It throws IssuerUnreachableError, or what jose throws when there is no such key.
   */
  finder(now: number): JWTVerifyGetKey {
    return async (header, token) => {
      const loaded = await this.fresh(now);
      try {
        return await loaded.findKey(header, token);
      } catch (error) {
        if (!(error instanceof errors.JOSEError)) throw new IssuerUnreachableError('a key is broken', { cause: error });
        const isWorthLooking = error instanceof errors.JWKSNoMatchingKey && now - loaded.at >= cooldown;
        if (!isWorthLooking) throw error;
        return (await this.load(now)).findKey(header, token);
      }
    };
  }

  private async fresh(now: number): Promise<Loaded> {
    const { loaded } = this;
    const age = loaded === undefined ? Number.POSITIVE_INFINITY : now - loaded.at;
    if (loaded !== undefined && age < freshness) return loaded;
    try {
      return await this.load(now);
    } catch (error) {
      if (loaded !== undefined && age < longestUse && error instanceof IssuerUnreachableError) return loaded;
      throw error;
    }
  }

  /** One fetch at a time, which all that wait for it share. */
  private load(now: number): Promise<Loaded> {
    if (now - this.failedAt < pause) return Promise.reject(new IssuerUnreachableError('not asked again so soon'));
    this.loading ??= this.loadOnce(now).finally(() => {
      this.loading = undefined;
    });
    return this.loading;
  }

  private async loadOnce(now: number): Promise<Loaded> {
    try {
      this.loaded = { at: now, findKey: await this.fetchKeys() };
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
    // Section 4.3: it must be exactly the issuer that was asked for, or one could give keys in the name of another.
    if (document.issuer !== issuer) throw new IssuerUnreachableError(`${issuer} says it is another issuer`);
    const { jwks_uri: address } = document;
    if (typeof address !== 'string') throw new IssuerUnreachableError(`${issuer} does not say where its keys are`);
    try {
      checkAddress(address, isLoopback(new URL(issuer)));
    } catch (cause) {
      throw new IssuerUnreachableError(`${issuer} has its keys where they are not fetched from`, { cause });
    }
    return address;
  }
}

/** Only an issuer on this machine may have us call this machine: in Lambda, the runtime listens there. */
function checkAddress(address: string, mayBeLoopback: boolean): void {
  if (!URL.canParse(address)) throw new Error(`not an address: ${JSON.stringify(address)}`);
  const url = new URL(address);
  const isAccepted = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url));
  if (!isAccepted || (isLoopback(url) && !mayBeLoopback)) throw new Error(`${address} is not https`);
}

/** A JSON object. Redirects are not followed: they would let others choose what is fetched. */
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
    if (length > largestDocument) throw new Error(`more than ${largestDocument} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
