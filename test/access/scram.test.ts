import { describe, expect, it } from '@jest/globals';
import type { ScramCredentials } from '../../lambdas/access/accounts';
import type { Peer, Step } from '../../lambdas/access/authentication-method';
import { deriveScramCredentials, ScramSha256 } from '../../lambdas/access/scram';
import { Reason } from '../../lambdas/protocol/reason-codes';
import { MemoryLogins } from '../support/memory-logins';
import { Random } from '../support/random';
import { ScramClient } from '../support/scram-client';

const peer: Peer = { clientId: 'sensor', address: '2001:db8::7', now: 1_700_000_000_000 };
const source = '2001:db8:0:0::/64';

const cheap: Promise<ScramCredentials> = deriveScramCredentials('pencil', 4096);

async function accountsOf(...usernames: string[]): Promise<MemoryLogins> {
  const scram = await cheap;
  return new MemoryLogins(usernames.map((username) => ({ username, scram, rules: [] })));
}

type Messages = { first: string; serverFirst: string; final: string };

/** Runs a whole exchange. Another instance performs the second step, as another container would; `tamper` changes messages. */
async function exchange(
  accounts: MemoryLogins,
  client: ScramClient,
  tamper: (message: keyof Messages, bytes: Buffer) => Buffer = (_, bytes) => bytes,
): Promise<{ step: Step; messages?: Messages }> {
  const begun = await new ScramSha256(accounts).begin(tamper('first', Buffer.from(client.first)), peer);
  if (begun.next !== 'continue') return { step: begun };
  const serverFirst = tamper('serverFirst', begun.data!).toString('latin1');
  const final = client.answer(serverFirst);
  const step = await new ScramSha256(accounts).proceed(begun.state, tamper('final', Buffer.from(final)), peer);
  return { step, messages: { first: client.first, serverFirst, final } };
}

const malformed = (why: RegExp | string) => ({
  next: 'refuse',
  reason: Reason.protocolError,
  why: typeof why === 'string' ? why : expect.stringMatching(why),
});
const wrong = { next: 'refuse', reason: Reason.notAuthorized, why: 'wrong user name or password' };

describe('SCRAM-SHA-256', () => {
  it('reproduces the example [RFC 7677 section 3]', async () => {
    const scram = await deriveScramCredentials('pencil', 4096, Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'));
    const accounts = new MemoryLogins([{ username: 'user', scram, rules: [] }]);
    const method = new ScramSha256(accounts, () => '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0');

    const begun = await method.begin(Buffer.from('n,,n=user,r=rOprNGfwEbeRWgbNEkqO'), peer);
    if (begun.next !== 'continue') throw new Error('refused');
    const admitted = await method.proceed(
      begun.state,
      Buffer.from(
        'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
      ),
      peer,
    );

    expect(begun.data?.toString()).toBe(
      'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
    );
    expect(admitted).toEqual({
      next: 'accept',
      identity: { kind: 'user', username: 'user' },
      data: Buffer.from('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='),
    });
  });

  it('authenticates both sides', async () => {
    const client = new ScramClient('user', 'pencil');

    const { step } = await exchange(await accountsOf('user'), client);

    expect(step.next).toBe('accept');
    expect(client.believes(step.next === 'accept' ? step.data!.toString() : '')).toBe(true);
  });

  it('keeps no secret between the messages', async () => {
    const { storedKey, serverKey } = await cheap;

    const begun = await new ScramSha256(await accountsOf('user')).begin(Buffer.from('n,,n=user,r=abc'), peer);

    const state = begun.next === 'continue' ? begun.state : '';
    expect(Object.keys(JSON.parse(state))).toEqual([
      'username',
      'gs2Header',
      'clientFirstBare',
      'serverFirst',
      'nonce',
    ]);
    expect(state).not.toContain(storedKey.toString('base64'));
    expect(state).not.toContain(serverKey.toString('base64'));
  });

  it('never offers the same nonce twice', async () => {
    const method = new ScramSha256(await accountsOf('user'));

    const [one, other] = await Promise.all([1, 2].map(() => method.begin(Buffer.from('n,,n=user,r=abc'), peer)));

    expect(one).not.toEqual(other);
  });

  it('returns the client ids that an account is bound to', async () => {
    const scram = await cheap;
    const accounts = new MemoryLogins([{ username: 'user', scram, rules: [], clientId: 'c', clientIdPrefix: 'c' }]);

    await expect(exchange(accounts, new ScramClient('user', 'pencil'))).resolves.toMatchObject({
      step: { identity: { kind: 'user', username: 'user', clientId: 'c', clientIdPrefix: 'c' } },
    });
  });

  it.each(['a,b=c', '=2C', 'Zürich', '用户'])('accepts the user name %j', async (username) => {
    await expect(exchange(await accountsOf(username), new ScramClient(username, 'pencil'))).resolves.toMatchObject({
      step: { next: 'accept', identity: { username } },
    });
  });

  it('prepares the user name and the password [RFC 4013]', async () => {
    const scram = await deriveScramCredentials('\u2168', 4096);
    const accounts = new MemoryLogins([{ username: 'Zürich', scram, rules: [] }]);

    const { step } = await exchange(accounts, new ScramClient('Zu\u0308rich', 'IX'));

    expect(step).toMatchObject({ next: 'accept', identity: { username: 'Zürich' } });
  });

  it.each([
    ['y,,', 'a client that could bind the channel, and thinks that we cannot'],
    ['n,a=user,', 'a client that names whom it acts for: itself'],
  ])('accepts the gs2-header %s of %s [RFC 5802 section 6]', async (gs2Header) => {
    const client = new ScramClient('user', 'pencil', 'abc', gs2Header);

    await expect(exchange(await accountsOf('user'), client)).resolves.toMatchObject({ step: { next: 'accept' } });
  });

  it('ignores extensions that are not mandatory [RFC 5802 section 5.1]', async () => {
    const begun = await new ScramSha256(await accountsOf('user')).begin(Buffer.from('n,,n=user,r=abc,x=1,y=ü='), peer);

    expect(begun.next).toBe('continue');
  });
});

describe('a client of another library', () => {
  /** The client of PostgreSQL, which sends the name in another message and `*` here. */
  const client = require('pg/lib/crypto/sasl') as {
    startSession(mechanisms: readonly string[]): { response: string };
    continueSession(session: { response: string }, password: string, serverFirst: string): Promise<void>;
    finalizeSession(session: { response: string }, serverFinal: string): void;
  };

  it.each(['pencil', '\u2168 \u00a0x\u00ad', 'ü, = 用户'])('is accepted with the password %j', async (password) => {
    const accounts = new MemoryLogins([{ username: '*', scram: await deriveScramCredentials(password), rules: [] }]);
    const method = new ScramSha256(accounts);

    const session = client.startSession([method.name]);
    const begun = await method.begin(Buffer.from(session.response), peer);
    if (begun.next !== 'continue') throw new Error('refused');
    await client.continueSession(session, password, begun.data!.toString());
    const step = await method.proceed(begun.state, Buffer.from(session.response), peer);

    expect(step.next).toBe('accept');
    expect(() => client.finalizeSession(session, step.next === 'accept' ? step.data!.toString() : '')).not.toThrow();
  });
});

describe('a client that does not know the password', () => {
  it('is refused, and the failure is counted for its network', async () => {
    const accounts = await accountsOf('user');

    await expect(exchange(accounts, new ScramClient('user', 'pencils'))).resolves.toMatchObject({ step: wrong });

    expect([...accounts.failures]).toEqual([[`${source} user`, { count: 1, lastAt: peer.now }]]);
  });

  it('is refused in the same way if the user does not exist or has no SCRAM credentials', async () => {
    const accounts = new MemoryLogins([{ username: 'plain', passwordHash: 'a hash', rules: [] }]);

    await expect(exchange(accounts, new ScramClient('nobody', 'pencil'))).resolves.toMatchObject({ step: wrong });
    await expect(exchange(accounts, new ScramClient('plain', 'pencil'))).resolves.toMatchObject({ step: wrong });
    expect([...accounts.failures.keys()]).toEqual([`${source} nobody`, `${source} plain`]);
  });

  it('does not learn from the salt which users exist [RFC 5802 section 9]', async () => {
    const user = { username: 'user', scram: await deriveScramCredentials('pencil'), rules: [] };
    const offered = async (username: string, secret = Buffer.alloc(32, 5)) => {
      const method = new ScramSha256(new MemoryLogins([user], secret), () => 'S');
      const begun = await method.begin(Buffer.from(`n,,n=${username},r=C`), peer);
      return begun.next === 'continue' ? begun.data!.toString() : '';
    };
    const [real, nobody, somebody] = await Promise.all(['user', 'nobody', 'somebody'].map((name) => offered(name)));

    const form = /^r=CS,s=[A-Za-z0-9+/]{22}==,i=15000$/;
    expect(real).toMatch(form);
    expect(nobody).toMatch(form);
    expect(somebody).not.toBe(nobody);
    await expect(offered('nobody')).resolves.toBe(nobody);
    await expect(offered('nobody', Buffer.alloc(32, 6))).resolves.not.toBe(nobody);
  });

  it('has to wait after six failures, in earlier exchanges too, even with the right password', async () => {
    const accounts = await accountsOf('user');
    const method = new ScramSha256(accounts);
    const client = new ScramClient('user', 'pencil');
    const begun = await method.begin(Buffer.from(client.first), peer);
    if (begun.next !== 'continue') throw new Error('refused');
    for (let guess = 0; guess < 6; guess++) await exchange(accounts, new ScramClient('user', `guess ${guess}`));
    const final = Buffer.from(client.answer(begun.data!.toString()));

    const slowed = { next: 'refuse', reason: Reason.connectionRateExceeded };
    await expect(method.begin(Buffer.from(client.first), peer)).resolves.toMatchObject(slowed);
    await expect(method.proceed(begun.state, final, peer)).resolves.toMatchObject(slowed);
    expect(accounts.failures.get(`${source} user`)?.count).toBe(6);
    const later = { ...peer, now: peer.now + 2000 };
    await expect(method.proceed(begun.state, final, later)).resolves.toMatchObject({ next: 'accept' });
  });

  it('does not wait for failures of others if its client id has logged in from the same address', async () => {
    const accounts = await accountsOf('user');
    await exchange(accounts, new ScramClient('user', 'pencil'));
    accounts.failures.set(`${source} user`, { count: 100, lastAt: peer.now });

    expect((await exchange(accounts, new ScramClient('user', 'pencil'))).step.next).toBe('accept');
    expect(accounts.changes).toHaveLength(1);
  });
});

describe('a first message', () => {
  it.each<[string | undefined, string]>([
    [undefined, 'no authentication data'],
    ['', 'message has no gs2-header'],
    ['n=user,r=abc', 'message has no gs2-header'],
    ['x,,n=user,r=abc', 'message has no gs2-header'],
    ['n=,,n=user,r=abc', 'message has no gs2-header'],
    ['p=tls-server-end-point,,n=user,r=abc', 'channel binding is not supported'],
    ['n,a=other,n=user,r=abc', 'nobody may act for another user'],
    ['n,,m=1,n=user,r=abc', 'mandatory extensions are not supported'],
    ['n,,n=user', 'client-first-message is malformed'],
    ['n,,n=user,r=', 'client-first-message is malformed'],
    ['n,,n=user,r=a b', 'client-first-message is malformed'],
    ['n,,n=user,r=ä', 'client-first-message is malformed'],
    ['n,,r=abc,n=user', 'client-first-message is malformed'],
    ['n,,n=user,r=abc,', 'client-first-message is malformed'],
    ['n,,n=user,r=abc,1=x', 'client-first-message is malformed'],
    ['n,,n=a=b,r=abc', 'user name has "=" for something other than "=2C" or "=3D"'],
    ['n,,n=a=2c,r=abc', 'user name has "=" for something other than "=2C" or "=3D"'],
    ['n,,n=,r=abc', 'user name is empty or has characters that SASLprep prohibits'],
    ['n,,n=a\0b,r=abc', 'user name is empty or has characters that SASLprep prohibits'],
    [`n,,n=${'a'.repeat(2048)},r=abc`, 'message has 2059 bytes, more than 2048'],
  ])('%j is refused: %s', async (text, why) => {
    const data = text === undefined ? undefined : Buffer.from(text);

    await expect(new ScramSha256(await accountsOf('user')).begin(data, peer)).resolves.toEqual(malformed(why));
  });

  it('that is not UTF-8 is refused', async () => {
    const data = Buffer.from('n,,n=\xff,r=abc', 'latin1');

    await expect(new ScramSha256(await accountsOf('user')).begin(data, peer)).resolves.toEqual(
      malformed('message is not UTF-8'),
    );
  });
});

describe('a final message', () => {
  const final = async (change: (message: string) => string | undefined): Promise<Step> => {
    const method = new ScramSha256(await accountsOf('user'));
    const client = new ScramClient('user', 'pencil');
    const begun = await method.begin(Buffer.from(client.first), peer);
    if (begun.next !== 'continue') return begun;
    const message = change(client.answer(begun.data!.toString()));
    return method.proceed(begun.state, message === undefined ? undefined : Buffer.from(message), peer);
  };

  it.each<[string, (message: string) => string | undefined, string]>([
    ['none', () => undefined, 'no authentication data'],
    ['an empty one', () => '', 'client-final-message is malformed'],
    ['no proof', (message) => message.replace(/,p=.*/, ''), 'client-final-message is malformed'],
    ['a short proof', (message) => message.replace(/,p=.*/, ',p=AAAA'), 'client-final-message is malformed'],
    ['something behind', (message) => `${message},x=1`, 'client-final-message is malformed'],
    [
      'another gs2-header',
      (message) => message.replace('c=biws', 'c=eSws'),
      'channel binding does not repeat the gs2-header',
    ],
    ['another nonce', (message) => message.replace(',p=', 'x,p='), 'nonce is not the one of this exchange'],
  ])('with %s is refused', async (_, change, why) => {
    await expect(final(change)).resolves.toEqual(malformed(why));
  });
});

describe('one wrong byte', () => {
  const random = new Random(7);
  const change = (bytes: Buffer, at: number): Buffer => {
    const changed = Buffer.from(bytes);
    changed[at] = bytes[at]! ^ (1 + random.below(255));
    return changed;
  };

  it.each(['first', 'serverFirst', 'final'] as const)('anywhere in the message %s is refused', async (which) => {
    const accounts = await accountsOf('user');
    const { messages } = await exchange(accounts, new ScramClient('user', 'pencil'));
    for (let at = 0; at < messages![which].length; at++) {
      const client = new ScramClient('user', 'pencil');
      const tamper = (message: keyof Messages, bytes: Buffer) => (message === which ? change(bytes, at) : bytes);
      const outcome = await exchange(accounts, client, tamper).then(
        ({ step }) => step.next,
        () => 'the client gives up',
      );
      accounts.failures.clear();
      expect([at, outcome]).not.toEqual([at, 'accept']);
    }
  });

  it.each([1, 2, 4, 8, 16, 32, 64, 128])('with bit %i flipped in the proof is refused', async (bit) => {
    const accounts = await accountsOf('user');
    for (let at = 2; at < 46; at++) {
      const { step } = await exchange(accounts, new ScramClient('user', 'pencil'), (message, bytes) => {
        if (message === 'final') bytes[bytes.length - 46 + at]! ^= bit;
        return bytes;
      });
      accounts.failures.clear();
      expect(step.next).toBe('refuse');
    }
  });
});

describe('credentials', () => {
  it.each([4095, 100_001, 4096.5, Number.NaN])('are not derived with %d iterations', async (iterations) => {
    await expect(deriveScramCredentials('pencil', iterations)).rejects.toThrow(RangeError);
  });

  it.each(['', 'bell\u0007'])(
    'are not derived from the password %j, which the error does not quote',
    async (password) => {
      await expect(deriveScramCredentials(password)).rejects.toThrow(
        /^password is empty or has characters that SASLprep prohibits$/,
      );
    },
  );
});
