import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';

export interface TokenOptions {
  /** Client id and subject: `device` by default, or `other-device`. */
  readonly clientId?: string;
  readonly audience?: string;
  readonly alg?: 'RS256' | 'ES256' | 'EdDSA';
  /** Validity of the token in seconds. */
  readonly ttl?: number;
  /** Claims in addition to those of RFC 9068. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/**
 * A certified OpenID Connect provider in a process of its own. It issues access tokens for client credentials, as JWTs of RFC 9068, and
 * has one key for each algorithm.
 */
export class OidcProvider {
  private constructor(
    /** Issuer URL in tokens; discovery documents are below it. */
    readonly issuer: string,
    private readonly process: ChildProcess,
    private readonly lines: Interface,
  ) {}

  static async start(): Promise<OidcProvider> {
    const script = join(__dirname, 'oidc-server.mjs');
    const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'ignore'] });
    const lines = createInterface(child.stdout);
    const exited = once(child, 'exit').then(() => {
      throw new Error('the OpenID Connect provider ended at once');
    });
    const [issuer] = await Promise.race([once(lines, 'line'), exited]);
    exited.catch(() => undefined); // ending is no error from here on
    return new OidcProvider(issuer, child, lines);
  }

  /** Requests an access token with client credentials. */
  async token(options: TokenOptions = {}): Promise<string> {
    const { clientId = 'device', audience = 'mqtt', alg = 'RS256', ttl = 300, claims = {} } = options;
    const wanted = new URLSearchParams({ audience, alg, ttl: String(ttl), claims: JSON.stringify(claims) });
    const response = await fetch(`${this.issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${clientId}:secret`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', resource: `https://broker.example/?${wanted}` }),
    });
    const answer = (await response.json()) as { access_token?: string };
    if (answer.access_token === undefined) throw new Error(`no token: ${JSON.stringify(answer)}`);
    return answer.access_token;
  }

  /** Replaces all keys by new ones with new key ids. */
  async rotateKeys(): Promise<void> {
    this.process.stdin?.write('\n');
    await once(this.lines, 'line');
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null) return;
    const exited = once(this.process, 'exit');
    this.process.stdin?.end();
    await exited;
  }
}
