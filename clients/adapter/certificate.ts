import { X509Certificate } from 'node:crypto';
import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { Log } from './log';

/** Interval in which the files are checked. Polling also detects renewals that replace a link or a folder. */
const defaultCheckMs = 5_000;

/** PEM files of a TLS listener. */
export interface CertificateFiles {
  /** Certificate chain, the server's own certificate first. */
  cert: string;
  /** Private key of the server's certificate. */
  key: string;
  /** Certificate authorities for client certificates; if present, clients need one. */
  clientCa?: string;
  /** Interval in which the files are checked, in milliseconds; 5,000 by default. */
  checkEveryMs?: number;
}

/** A running server whose certificate can be replaced. */
interface TlsServer {
  setSecureContext(options: SecureContextOptions): void;
}

/** A certificate and its key, which are reloaded when their files change. */
export class Certificate {
  private readonly servers: TlsServer[] = [];
  private current: SecureContextOptions;
  private own: X509Certificate;

  /** @throws Error with the name of a file that cannot be read or is no PEM, or if the key does not match the certificate */
  constructor(
    private readonly files: CertificateFiles,
    private readonly log: Log,
  ) {
    const { options, own } = load(files);
    this.current = options;
    this.own = own;
    this.warnIfExpired();
    for (const file of this.paths) {
      watchFile(file, { interval: files.checkEveryMs ?? defaultCheckMs, persistent: false }, this.reload);
    }
  }

  /** Milliseconds since 1970. */
  get expiresAt(): number {
    return Date.parse(this.own.validTo);
  }

  /** True if the server's certificate is valid for this host name. */
  covers(host: string): boolean {
    return this.own.checkHost(host) !== undefined;
  }

  get options(): SecureContextOptions & { requestCert: boolean; rejectUnauthorized: boolean } {
    const wantsCertificates = this.files.clientCa !== undefined;
    return { ...this.current, requestCert: wantsCertificates, rejectUnauthorized: wantsCertificates };
  }

  /** Updates a server after each reload. */
  updateOnReload(server: TlsServer): void {
    this.servers.push(server);
  }

  close(): void {
    for (const file of this.paths) unwatchFile(file, this.reload);
  }

  private get paths(): string[] {
    const { cert, key, clientCa } = this.files;
    return [cert, key, ...(clientCa === undefined ? [] : [clientCa])];
  }

  /** While only one of the two files has been replaced they do not match: the old pair stays in use until they do. */
  private readonly reload = (): void => {
    try {
      const { options, own } = load(this.files);
      this.current = options;
      this.own = own;
    } catch (error) {
      this.log({ level: 'warn', message: `the old certificate stays: ${(error as Error).message}` });
      return;
    }
    for (const server of this.servers) server.setSecureContext(this.current);
    const until = new Date(this.expiresAt).toISOString();
    this.log({ level: 'info', message: `new certificate from ${this.files.cert}, good until ${until}` });
    this.warnIfExpired();
  };

  private warnIfExpired(): void {
    if (this.expiresAt > Date.now()) return;
    const since = new Date(this.expiresAt).toISOString();
    this.log({ level: 'warn', message: `the certificate in ${this.files.cert} has expired, ${since}` });
  }
}

function load({ cert, key, clientCa }: CertificateFiles) {
  const options: SecureContextOptions = {
    cert: readFileSync(cert),
    key: readFileSync(key),
    ...(clientCa !== undefined && { ca: readFileSync(clientCa) }),
    minVersion: 'TLSv1.2',
  };
  const own = certificateIn(cert, options.cert as Buffer);
  if (clientCa !== undefined) certificateIn(clientCa, options.ca as Buffer);
  try {
    createSecureContext(options);
  } catch (error) {
    throw new Error(`${key} is not the private key of the certificate in ${cert}: ${(error as Error).message}`);
  }
  return { options, own };
}

function certificateIn(file: string, pem: Buffer): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new Error(`${file} holds no certificate in PEM`);
  }
}
