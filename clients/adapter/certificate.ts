import { X509Certificate } from 'node:crypto';
import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { Log } from './log';

/** Whoever renews a certificate replaces two files, perhaps behind a link: looking at them finds every way to do it. */
const lookEveryMs = 5_000;

/** PEM files of a TLS listener. */
export interface CertificateFiles {
  /** The chain, the server's own certificate first. */
  cert: string;
  key: string;
  /** Only clients with a certificate of one of these authorities may connect. */
  clientCa?: string;
  /** How often the files are looked at, in milliseconds; 5,000 if absent. */
  lookEveryMs?: number;
}

/** What of it can be given anew to a server that runs. */
interface Contextual {
  setSecureContext(options: SecureContextOptions): void;
}

/** A certificate and its key, read anew when their files change. */
export class Certificate {
  private readonly servers: Contextual[] = [];
  private current: SecureContextOptions;
  private own: X509Certificate;

  /** @throws Error that names the file, when one cannot be read, is no PEM, or the key is not the certificate's. */
  constructor(
    private readonly files: CertificateFiles,
    private readonly log: Log,
  ) {
    const { options, own } = load(files);
    this.current = options;
    this.own = own;
    this.warnIfExpired();
    for (const file of this.watched) {
      watchFile(file, { interval: files.lookEveryMs ?? lookEveryMs, persistent: false }, this.reload);
    }
  }

  /** Milliseconds since 1970. */
  get expiresAt(): number {
    return Date.parse(this.own.validTo);
  }

  /** Whether the server's own certificate is for a host of this name. */
  covers(host: string): boolean {
    return this.own.checkHost(host) !== undefined;
  }

  get options(): SecureContextOptions & { requestCert: boolean; rejectUnauthorized: boolean } {
    const wantsCertificates = this.files.clientCa !== undefined;
    return { ...this.current, requestCert: wantsCertificates, rejectUnauthorized: wantsCertificates };
  }

  /** Gives a server each certificate that comes. */
  follow(server: Contextual): void {
    this.servers.push(server);
  }

  close(): void {
    for (const file of this.watched) unwatchFile(file, this.reload);
  }

  private get watched(): string[] {
    const { cert, key, clientCa } = this.files;
    return [cert, key, ...(clientCa === undefined ? [] : [clientCa])];
  }

  /** Between the writing of the one file and the other they do not fit; the old pair serves until they do. */
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
