import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';

/** Messages of a SCRAM client, written from RFC 5802 sections 3 and 7 only. It applies SASLprep neither to names nor to passwords. */
export class ScramClient {
  readonly first: string;
  private readonly bare: string;
  private serverSignature = '';

  constructor(
    username: string,
    private readonly password: string,
    private readonly nonce = 'rOprNGfwEbeRWgbNEkqO',
    private readonly gs2Header = 'n,,',
  ) {
    this.bare = `n=${username.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`;
    this.first = `${gs2Header}${this.bare}`;
  }

  /** Returns the client-final-message. */
  answer(serverFirst: string): string {
    const [, nonce, salt, iterations] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(serverFirst) ?? [];
    if (nonce?.startsWith(this.nonce) !== true) throw new Error('the server does not know my nonce');
    const salted = pbkdf2Sync(this.password, Buffer.from(salt!, 'base64'), Number(iterations), 32, 'sha256');
    const withoutProof = `c=${Buffer.from(this.gs2Header).toString('base64')},r=${nonce}`;
    const message = `${this.bare},${serverFirst},${withoutProof}`;
    const clientKey = hmac(salted, 'Client Key');
    const signature = hmac(createHash('sha256').update(clientKey).digest(), message);
    this.serverSignature = hmac(hmac(salted, 'Server Key'), message).toString('base64');
    return `${withoutProof},p=${Buffer.from(clientKey.map((byte, index) => byte ^ signature[index]!)).toString('base64')}`;
  }

  /** True if the server has proved that it knows the password. */
  believes(serverFinal: string): boolean {
    return serverFinal === `v=${this.serverSignature}`;
  }
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
