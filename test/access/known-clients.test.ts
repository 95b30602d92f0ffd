import { describe, expect, it } from '@jest/globals';
import { changeAfterLogin, clientKeyOf, hasKnown, isKnown, knownUntil } from '../../lambdas/access/known-clients';
import type { KnownClient } from '../../lambdas/access/logins';

const now = 1_700_000_000_000;
const day = 24 * 3600_000;

function loggedIn(loggedInAt: number, count = 0): KnownClient {
  return { loggedInAt, failures: { count, lastAt: count > 0 ? now : 0 } };
}

/** Creates clients, each of which has logged in one millisecond before the previous one. */
function many(count: number, latest: number): Map<string, KnownClient> {
  return new Map(Array.from({ length: count }, (_, index) => [`client ${index}`, loggedIn(latest - index)]));
}

describe('a client id that has logged in', () => {
  it('is known for 30 days', () => {
    expect(isKnown(loggedIn(now - 30 * day + 1), now)).toBe(true);
    expect(isKnown(loggedIn(now - 30 * day), now)).toBe(false);
    expect(isKnown(undefined, now)).toBe(false);
    expect(hasKnown(new Map([['a', loggedIn(now - 31 * day)]]), now)).toBe(false);
    expect(hasKnown(many(3, now), now)).toBe(true);
  });

  it('has a unique key of fixed length', () => {
    const keys = ['', 'a', 'A', 'x'.repeat(65_535), 'Küche', '\u0000'].map(clientKeyOf);

    expect(new Set(keys).size).toBe(keys.length);
    for (const key of keys) expect(key).toMatch(/^[\w-]{11}$/);
  });

  it('is written at its first login, then once a day, and after failures', () => {
    expect(changeAfterLogin('a', new Map(), now)).toEqual({ known: 'a', forgotten: [], expiresAt: now + 30 * day });
    expect(changeAfterLogin('a', new Map([['a', loggedIn(now - day + 1)]]), now)).toBeUndefined();
    expect(changeAfterLogin('a', new Map([['a', loggedIn(now - day)]]), now)).toMatchObject({
      known: 'a',
      forgotten: [],
    });
    expect(changeAfterLogin('a', new Map([['a', loggedIn(now, 3)]]), now)).toMatchObject({ known: 'a' });
  });

  it('replaces the client with the oldest login if that is more than a day ago', () => {
    expect(changeAfterLogin('new', many(31, now), now)).toMatchObject({ forgotten: [] });
    expect(changeAfterLogin('new', many(32, now - day), now)).toMatchObject({ forgotten: ['client 31'] });
    expect(changeAfterLogin('new', many(32, now), now)).toBeUndefined();
  });

  it('is one of at most 32, however many ids a user invents', () => {
    let clients: ReadonlyMap<string, KnownClient> = new Map();
    let writes = 0;
    for (let hour = 0; hour < 24 * 40; hour++) {
      for (let login = 0; login < 10; login++) {
        const time = now + hour * 3600_000;
        const change = changeAfterLogin(`${hour}-${login}`, clients, time);
        if (!change) continue;
        writes += 1;
        const kept = [...clients].filter(([key]) => !change.forgotten.includes(key));
        clients = new Map([...kept, [change.known, loggedIn(time)]]);
        expect(clients.size).toBeLessThanOrEqual(32);
      }
    }

    expect(writes).toBeLessThanOrEqual(40 * 32);
  });

  it('is removed with the last of all clients', () => {
    expect(knownUntil(new Map())).toBe(0);
    expect(knownUntil(many(2, now))).toBe(now + 30 * day);
  });
});
