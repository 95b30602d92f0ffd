import { createHash, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';

/** Maximum size of a password in bytes. */
export const maxPasswordBytes = 1024;

/**
 * 2^15 blocks of 8 * 128 bytes: every guess needs 32 MiB, twice the recommendation of the paper on scrypt (2009) for interactive
 * logins. A higher cost would be paid for every device each time that all of them reconnect at once.
 */
const cost: Cost = { ln: 15, r: 8, p: 1 };
const saltBytes = 16;
const hashBytes = 32;

/** Hash to compare with if there is no account; `verifyPassword` returns false for it even if it matches. */
const dummyHash: PasswordHash = {
  version: 2,
  cost,
  salt: Buffer.alloc(saltBytes, 'nobody'),
  hash: Buffer.alloc(hashBytes),
};

/** Parameters of scrypt, RFC 7914 section 2; `ln` is the binary logarithm of N. */
interface Cost {
  readonly ln: number;
  readonly r: number;
  readonly p: number;
}

/**
 * Derivation of the scrypt key from a password. 1: the password itself. HMAC, on which scrypt is based, pads a key with zeros to 64
 * bytes and replaces a longer key by its SHA-256 (RFC 2104 section 2), so some passwords are equivalent. 2: a digest of fixed length,
 * which avoids this.
 */
type Version = 1 | 2;

interface PasswordHash {
  readonly version: Version;
  readonly cost: Cost;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/**
 * Hashes a password for storage as a PHC string: `$scrypt$v=2$ln=15,r=8,p=1$salt$hash`; without `v` it has version 1. Text is hashed
 * as UTF-8 without normalization, because an MQTT password is binary data (section 3.1.3.6).
 *
 * @throws RangeError if the password is empty or longer than `maxPasswordBytes`
 */
export async function hashPassword(password: Buffer | string): Promise<string> {
  const bytes = Buffer.from(password);
  if (!isUsable(bytes)) throw new RangeError(`a password has 1 to ${maxPasswordBytes} bytes, not ${bytes.length}`);
  const salt = randomBytes(saltBytes);
  const hash = await derive(bytes, { version: 2, cost, salt, hash: Buffer.alloc(hashBytes) });
  return `$scrypt$v=2$ln=${cost.ln},r=${cost.r},p=${cost.p}$${unpadded(salt)}$${unpadded(hash)}`;
}

/**
 * Checks a password. Without a hash, because the user does not exist, it takes as long and returns false, so response times do not
 * reveal which users exist, as long as all hashes have the current parameters.
 *
 * @throws Error if `hash` is not a PHC string of scrypt, or its parameters exceed the limits of `isAffordable`
 */
export async function verifyPassword(hash: string | undefined, password: Buffer | string): Promise<boolean> {
  const bytes = Buffer.from(password);
  if (!isUsable(bytes)) return false;
  const expected = hash === undefined ? dummyHash : parse(hash);
  const isEqual = timingSafeEqual(await derive(bytes, expected), expected.hash);
  return isEqual && hash !== undefined;
}

function isUsable(password: Buffer): boolean {
  return password.length > 0 && password.length <= maxPasswordBytes;
}

/** @throws Error, whose message leaves out the hash, because it helps to guess the password */
function parse(text: string): PasswordHash {
  const phcString =
    /^\$scrypt(\$v=2)?\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;
  const match = phcString.exec(text);
  if (match === null) throw new Error('password hash is not a PHC string of scrypt');
  const [, versionField, ln, r, p, salt, hash] = match;
  const parsed = { ln: Number(ln), r: Number(r), p: Number(p) };
  if (!isAffordable(parsed))
    throw new Error(`password hash has parameters ln=${ln},r=${r},p=${p}, which are not accepted`);
  const version = versionField === undefined ? 1 : 2;
  return { version, cost: parsed, salt: Buffer.from(salt!, 'base64'), hash: Buffer.from(hash!, 'base64') };
}

/** At most 256 MiB (ln 17, r 16) and sixteen times the current duration; at least the interactive parameters of RFC 7914. */
function isAffordable({ ln, r, p }: Cost): boolean {
  return ln >= 14 && ln <= 17 && r >= 8 && r <= 16 && p >= 1 && p <= 4;
}

function derive(password: Buffer, { version, cost: { ln, r, p }, salt, hash }: PasswordHash): Promise<Buffer> {
  const N = 2 ** ln;
  // Memory as OpenSSL counts it: N blocks, two blocks of work space, and one block for each p.
  const options: ScryptOptions = { N, r, p, maxmem: 128 * r * (N + 2 + p) };
  return new Promise((resolve, reject) =>
    scrypt(keyOf(password, version), salt, hash.length, options, (error, key) =>
      error === null ? resolve(key) : reject(error),
    ),
  );
}

function keyOf(password: Buffer, version: Version): Buffer {
  if (version === 1) return password;
  return createHash('sha256').update('cirrus-mqtt password 2\0').update(password).digest();
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
