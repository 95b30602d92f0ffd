import { createHash, scryptSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { hashPassword, maxPasswordBytes, verifyPassword } from '../../lambdas/access/password-hash';

const form = /^\$scrypt\$v=2\$ln=15,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/;

/** RFC 7914 section 12, third vector: password "pleaseletmein", salt "SodiumChloride", N 16384, r 8, p 1. */
const vector = `$scrypt$ln=14,r=8,p=1$${unpadded(Buffer.from('SodiumChloride'))}$${unpadded(
  Buffer.from(
    '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2' +
      'd5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887',
    'hex',
  ),
)}`;

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}

describe('a password hash', () => {
  it('is a PHC string that only its password matches', async () => {
    const hash = await hashPassword('correct horse');

    expect(hash).toMatch(form);
    await expect(verifyPassword(hash, 'correct horse')).resolves.toBe(true);
    await expect(verifyPassword(hash, 'correct horsf')).resolves.toBe(false);
    await expect(verifyPassword(hash, '')).resolves.toBe(false);
  });

  it('has a salt of its own', async () => {
    expect(await hashPassword('the same')).not.toBe(await hashPassword('the same'));
  });

  it('hashes bytes unchanged, and text as UTF-8', async () => {
    const bytes = Buffer.from([0, 0xff, 0xfe, 0x80]);

    await expect(verifyPassword(await hashPassword(bytes), bytes)).resolves.toBe(true);
    await expect(verifyPassword(await hashPassword('Zürich'), Buffer.from('Zürich'))).resolves.toBe(true);
    await expect(verifyPassword(await hashPassword('Zürich'), 'Zu\u0308rich')).resolves.toBe(false);
  });

  it('is verified with its own parameters, salt and length [RFC 7914 section 12]', async () => {
    await expect(verifyPassword(vector, 'pleaseletmein')).resolves.toBe(true);
    await expect(verifyPassword(vector, 'pleaseletmeout')).resolves.toBe(false);
  });

  it('with several lanes and the highest cost fits into the memory limit', async () => {
    const salt = Buffer.alloc(16, 7);
    const hash = scryptSync('lanes', salt, 32, { N: 2 ** 17, r: 8, p: 2, maxmem: 2 ** 28 });

    const text = `$scrypt$ln=17,r=8,p=2$${unpadded(salt)}$${unpadded(hash)}`;

    await expect(verifyPassword(text, 'lanes')).resolves.toBe(true);
  });

  it.each([
    ['ln=18,r=8,p=1'],
    ['ln=99,r=8,p=1'],
    ['ln=13,r=8,p=1'],
    ['ln=15,r=17,p=1'],
    ['ln=15,r=0,p=1'],
    ['ln=15,r=8,p=5'],
    ['ln=15,r=8,p=0'],
  ])('with %s is refused before anything is computed', async (parameters) => {
    await expect(verifyPassword(vector.replace('ln=14,r=8,p=1', parameters), 'pleaseletmein')).rejects.toThrow(
      `password hash has parameters ${parameters}, which are not accepted`,
    );
  });

  it.each([
    '',
    'plain text',
    vector.replace('scrypt', 'argon2id'),
    `${vector}=`,
    vector.slice(0, 60),
    vector.replace('r=8,', ''),
    vector.replace('$ln', '$v=1$ln'),
    vector.replace('$ln', '$v=3$ln'),
    vector.replace('$ln', '$v=2$v=2$ln'),
  ])('in another format is refused without quoting it: %j', async (text) => {
    await expect(verifyPassword(text, 'pleaseletmein')).rejects.toThrow(
      /^password hash is not a PHC string of scrypt$/,
    );
  });
});

describe('a password', () => {
  it('may have 1,024 bytes', async () => {
    const password = Buffer.alloc(maxPasswordBytes, 1);

    await expect(verifyPassword(await hashPassword(password), password)).resolves.toBe(true);
  });

  it.each([0, maxPasswordBytes + 1])('of %i bytes is not hashed', async (length) => {
    await expect(hashPassword(Buffer.alloc(length))).rejects.toThrow(RangeError);
    await expect(verifyPassword(vector, Buffer.alloc(length))).resolves.toBe(false);
    await expect(verifyPassword(undefined, Buffer.alloc(length))).resolves.toBe(false);
  });
});

describe('equality of passwords', () => {
  const long = Buffer.from('a password of more than sixty-four bytes, which HMAC replaces by its digest');
  /** Pairs of passwords that are the same HMAC key (RFC 2104 section 2). */
  const pairs = [
    ['a trailing U+0000', Buffer.from('secret'), Buffer.from('secret\0')],
    ['several of them', Buffer.from('secret'), Buffer.concat([Buffer.from('secret'), Buffer.alloc(58)])],
    ['nothing but U+0000', Buffer.alloc(1), Buffer.alloc(64)],
    ['the SHA-256 of a long one', long, createHash('sha256').update(long).digest()],
  ] as const;

  it.each(pairs)('compares all bytes: not %s', async (_what, one, other) => {
    for (const [kept, tried] of [
      [one, other],
      [other, one],
    ] as const) {
      const hash = await hashPassword(kept);
      await expect(verifyPassword(hash, tried)).resolves.toBe(false);
      await expect(verifyPassword(hash, kept)).resolves.toBe(true);
    }
  });

  it.each(pairs)('is that of HMAC for a hash of version 1: %s', async (_what, one, other) => {
    const salt = Buffer.alloc(16, 7);
    const hash = scryptSync(one, salt, 32, { N: 2 ** 14, r: 8, p: 1, maxmem: 2 ** 25 });
    const text = `$scrypt$ln=14,r=8,p=1$${unpadded(salt)}$${unpadded(hash)}`;

    await expect(verifyPassword(text, one)).resolves.toBe(true);
    await expect(verifyPassword(text, other)).resolves.toBe(true);
  });

  it('does not accept the digest instead of the password', async () => {
    const digest = createHash('sha256').update('cirrus-mqtt password 2\0').update('secret').digest();

    await expect(verifyPassword(await hashPassword('secret'), digest)).resolves.toBe(false);
  });

  it('accepts stored hashes of earlier releases', async () => {
    const kept = await hashPassword('secret');
    const [, , , , salt = '', hash = ''] = kept.split('$');
    const key = createHash('sha256').update('cirrus-mqtt password 2\0').update('secret').digest();
    const options = { N: 2 ** 15, r: 8, p: 1, maxmem: 2 ** 26 };

    expect(Buffer.from(hash, 'base64')).toEqual(scryptSync(key, Buffer.from(salt, 'base64'), 32, options));
  });
});

describe('a user that does not exist', () => {
  it('has no password', async () => {
    await expect(verifyPassword(undefined, 'nobody')).resolves.toBe(false);
  });

  it('takes as long as one that exists', async () => {
    const hash = await hashPassword('secret');
    const known: number[] = [];
    const unknown: number[] = [];
    for (let round = 0; round < 7; round++) {
      known.push(await millisecondsOf(() => verifyPassword(hash, 'guess')));
      unknown.push(await millisecondsOf(() => verifyPassword(undefined, 'guess')));
    }

    expect(Math.min(...unknown)).toBeGreaterThan(Math.min(...known) / 2);
    expect(Math.min(...unknown)).toBeLessThan(Math.min(...known) * 2);
  });
});

/** Measures processor time, so that other processes have no influence. */
async function millisecondsOf(body: () => Promise<unknown>): Promise<number> {
  const start = process.cpuUsage();
  await body();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1_000;
}
