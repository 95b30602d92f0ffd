import { createHash, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';

/** Bytes of the longest password that is hashed, or compared with a hash. */
export const longestPassword = 1024;

/**
 * 2^15 blocks of 8 * 128 bytes: every guess fills 32 MiB, twice what the paper on scrypt (2009) takes for a login that somebody
 * waits for. More would be spent on every device each time that all of them come back at once.
 */
const cost: Cost = { ln: 15, r: 8, p: 1 };
const saltBytes = 16;
const hashBytes = 32;

/** Compared with when there is no account. It is nobody's hash: `verifyPassword` says no whatever comes out. */
const nobody: PasswordHash = {
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
 * How a password becomes the key of scrypt. 1: as it is. HMAC, on which scrypt is built, pads a key with zeros to 64 bytes and takes
 * SHA-256 of a longer one (RFC 2104 section 2), so some passwords are equal to others. 2: a digest of fixed length, which ends that.
 */
type Version = 1 | 2;

interface PasswordHash {
  readonly version: Version;
  readonly cost: Cost;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/**
 * A hash to keep, as a PHC string: `$scrypt$v=2$ln=15,r=8,p=1$salt$hash`; without `v` it is of version 1. Text is hashed as UTF-8, just as it comes: an MQTT
 * password is binary data (section 3.1.3.6), so nothing is normalized.
 *
 * @throws RangeError when the password is empty or longer than `longestPassword`.
 */
export async function hashPassword(password: Buffer | string): Promise<string> {
  const bytes = Buffer.from(password);
  if (!isUsable(bytes)) throw new RangeError(`a password has 1 to ${longestPassword} bytes, not ${bytes.length}`);
  const salt = randomBytes(saltBytes);
  const hash = await derive(bytes, { version: 2, cost, salt, hash: Buffer.alloc(hashBytes) });
  return `$scrypt$v=2$ln=${cost.ln},r=${cost.r},p=${cost.p}$${unpadded(salt)}$${unpadded(hash)}`;
}

/**
 * Whether this is the password of the hash. Without a hash, as when nobody has that name, it takes as long and says no; so
 * the time tells nobody which users exist, as long as all hashes were made with the parameters of today.
 *
 * @throws Error when `hash` is not a PHC string of scrypt, or costs more than a login may.
 */
export async function verifyPassword(hash: string | undefined, password: Buffer | string): Promise<boolean> {
  const bytes = Buffer.from(password);
  if (!isUsable(bytes)) return false;
  const expected = hash === undefined ? nobody : parse(hash);
  const isEqual = timingSafeEqual(await derive(bytes, expected), expected.hash);
  return isEqual && hash !== undefined;
}

function isUsable(password: Buffer): boolean {
  return password.length > 0 && password.length <= longestPassword;
}

/** @throws Error without the hash: it helps whoever guesses passwords. */
function parse(text: string): PasswordHash {
  const form =
    /^\$scrypt(\$v=2)?\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;
  const match = form.exec(text);
  if (match === null) throw new Error('password hash is not a PHC string of scrypt');
  const [, marked, ln, r, p, salt, hash] = match;
  const parsed = { ln: Number(ln), r: Number(r), p: Number(p) };
  if (!isAffordable(parsed))
    throw new Error(`password hash has parameters ln=${ln},r=${r},p=${p}, which are not accepted`);
  const version = marked === undefined ? 1 : 2;
  return { version, cost: parsed, salt: Buffer.from(salt!, 'base64'), hash: Buffer.from(hash!, 'base64') };
}

/** At most 256 MiB (ln 17, r 16) and sixteen times the time of today; at least what RFC 7914 calls interactive. */
function isAffordable({ ln, r, p }: Cost): boolean {
  return ln >= 14 && ln <= 17 && r >= 8 && r <= 16 && p >= 1 && p <= 4;
}

function derive(password: Buffer, { version, cost: { ln, r, p }, salt, hash }: PasswordHash): Promise<Buffer> {
  const N = 2 ** ln;
  // What OpenSSL counts: the vector of N blocks and two for work, and one block for each p.
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
