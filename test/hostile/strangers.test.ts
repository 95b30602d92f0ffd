/*
 * What somebody can do who knows the address of a broker and has no credentials. Proved elsewhere: what each malformed packet is
 * refused with: test/protocol/malformed.test.ts; waits after failed logins, one by one: test/broker/access/passwords.test.ts.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generate } from 'mqtt-packet';
import malformed from '../protocol/malformed.json';
import { type Client5, connectPacket, publishPacket, written } from '../support/client5';
import { hex } from '../support/packets';
import { Random } from '../support/random';
import { ScramClient } from '../support/scram-client';
import { above, Battlefield, tooLong } from './battlefield';

/** Returns the first bytes of a CONNECT of this size. */
function beginningOf(size: number, has: number): Buffer {
  const length = size - 4; // the fixed header has four bytes
  const header = [0x10, (length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14];
  return Buffer.concat([Buffer.from(header), Buffer.alloc(has - 4)]);
}

describe('strangers', () => {
  let field: Battlefield;

  beforeAll(async () => {
    // An unreachable issuer: invalid tokens must not cause a request to it.
    field = await Battlefield.start({ issuers: [{ issuer: 'http://127.0.0.1:9', audience: ['mqtt'] }] });
  });

  afterAll(() => field.stop());

  const closed = (clients: readonly Client5[]) => Promise.all(clients.map((client) => client.closed()));
  /** Sends each stream in one frame on a connection of its own; all are closed after the connect timeout at the latest. */
  const each = (streams: readonly Buffer[]) => async () => {
    const strangers = await field.strangers(streams.length);
    for (const [index, stranger] of strangers.entries()) stranger.line.sendBytes(streams[index]!);
    await field.elapse(tooLong);
    await closed(strangers);
  };

  it('who send nothing are closed after the connect timeout', async () => {
    const toll = await field.endure(20, async () => {
      const strangers = await field.strangers(20);
      await field.elapse(tooLong);
      await closed(strangers);
    });

    expect(above(toll, { writes: 0, reads: 3, invocations: 3, requests: 6, posts: 0, lines: 1 })).toEqual({});
  });

  it('with an invalid or huge token are refused in the handshake at one invocation', async () => {
    const tokens = ['x', 'a.b.c', `e30.${'A'.repeat(7000)}.x`, '%00%ff', 'eyJhbGciOiJub25lIn0.eyJpc3MiOiJtZSJ9.', '{"'];
    const offers = tokens.flatMap((token) => [
      { query: `?access_token=${encodeURIComponent(token)}` },
      { headers: { authorization: `Bearer ${token}` } },
      { subprotocol: ['mqtt', `bearer.${token.replaceAll(/[^\w.-]/g, '')}`] },
    ]);
    const answers: string[] = [];
    const toll = await field.endure(offers.length, async () => {
      for (const offer of offers) answers.push(await field.guarded.broker.open(offer).then(() => 'let in', String));
    });

    expect(answers).toEqual(offers.map(() => 'Error: Unexpected server response: 401'));
    expect(above(toll, { writes: 0, reads: 0.2, requests: 0.2, invocations: 1.2, posts: 0, lines: 2 })).toEqual({});
    expect(field.guarded.lines.join()).not.toContain('AAAAAAA');
  });

  it('who offer another subprotocol are refused in the handshake', async () => {
    const offers = ['amqp', 'x'.repeat(4000)];
    const toll = await field.endure(offers.length, async () => {
      for (const subprotocol of offers) await expect(field.guarded.broker.open({ subprotocol })).rejects.toThrow('400');
    });

    expect(above(toll, { writes: 0, requests: 1, invocations: 1.5, lines: 0 })).toEqual({});
  });

  it('who send malformed packets are closed individually', async () => {
    const streams = malformed.map(({ hex: text }) => hex(text));
    const toll = await field.endure(streams.length, each(streams));

    expect(above(toll, { writes: 2, reads: 4, invocations: 3, requests: 7, posts: 1, lines: 2 })).toEqual({});
  });

  it('who send every packet type with every flag are closed', async () => {
    const headers = Array.from({ length: 64 }, (_, index) => index * 4 + (index % 4)).filter((byte) => byte !== 0x10);
    const streams = headers.map((byte) => Buffer.from([byte, 4, 0, 2, 0x61, 0x62]));
    const toll = await field.endure(streams.length, each(streams));

    expect(above(toll, { writes: 0, reads: 4, invocations: 3, requests: 7, posts: 1, lines: 2 })).toEqual({});
  });

  it('who send random bytes or half a packet are closed', async () => {
    const random = new Random(7);
    const whole = written(connectPacket('half', { username: 'calm' }));
    const streams = Array.from({ length: 40 }, (_, index) =>
      index % 2 === 0 ? random.bytes(1 + random.below(200)) : whole.subarray(0, 1 + random.below(whole.length - 1)),
    );
    const toll = await field.endure(streams.length, each(streams));

    expect(above(toll, { writes: 3, reads: 5, invocations: 3, requests: 7, posts: 1, lines: 2 })).toEqual({});
  });

  it('who flood before CONNECT are closed at once, at a tenth of an invocation per frame', async () => {
    const frames = 500;
    const toll = await field.endure(frames, async () => {
      const [stranger] = await field.strangers(1);
      for (let count = 0; count < frames; count++)
        stranger!.line.sendText(generate({ cmd: 'pingreq' }).toString('base64'));
      await stranger!.closed();
    });

    expect(above(toll, { writes: 0, reads: 0.3, invocations: 0.3, requests: 2, posts: 0, lines: 0.3 })).toEqual({});
  });

  it.each([
    ['frames of their own that hold nothing else', (number: number) => `${number}.AA==`],
    ['one frame, said again and again', () => '1.AA=='],
    ['frames whose turn never comes', (number: number) => `${number + 1000}.AA==`],
  ])('who start a giant CONNECT and continue with %s cause one write', async (_how, next) => {
    const frames = 100;
    const toll = await field.endure(1, async () => {
      const [stranger] = await field.strangers(1);
      stranger!.line.sendText(`1.${beginningOf(24_000, 23_900).toString('base64')}`);
      for (let number = 2; number <= frames && stranger!.closeCode === undefined; number++) {
        stranger!.line.sendText(next(number));
        if (number % 5 === 0) await field.cloud.settled();
      }
      await field.elapse(tooLong);
      await stranger!.closed();
    });

    expect(above(toll, { writes: 2 * 24 + 1, invocations: frames / 2, posts: 0, lines: 2 })).toEqual({}); // and its removal
  });

  it('who split CONNECT into more pieces have less of it stored', async () => {
    const toll = await field.endure(1, async () => {
      const [stranger] = await field.strangers(1);
      const stream = beginningOf(24_000, 23_900);
      for (let start = 0; start < stream.length && stranger!.closeCode === undefined; start += 2_800) {
        stranger!.line.sendBytes(stream.subarray(start, start + 2_800));
        await field.cloud.settled();
      }
      await stranger!.closed();
    });

    expect(above(toll, { writes: 3 + 6 + 9 + 9, posts: 0 })).toEqual({});
  });

  it('whose CONNECT is larger than a frame are closed at its first bytes', async () => {
    const toll = await field.endure(1, async () => {
      const [stranger] = await field.strangers(1);
      stranger!.line.sendBytes(beginningOf(200_000, 24_000));
      await stranger!.closed();
    });

    expect(above(toll, { writes: 0, posts: 1 })).toEqual({});
  });

  it('with frames far ahead have eight of them stored', async () => {
    const toll = await field.endure(1, async () => {
      const [stranger] = await field.strangers(1);
      for (let number = 2; number < 60 && stranger!.closeCode === undefined; number++) {
        stranger!.line.sendText(`${number ** 5}.AA==`);
        if (number % 3 === 0) await field.cloud.settled();
      }
      await stranger!.closed();
    });

    expect(above(toll, { writes: 8 + 2, posts: 0 })).toEqual({});
  });

  it('with binary frames are closed by the gateway, and no packet is processed', async () => {
    const toll = await field.endure(10, async () => {
      const strangers = await field.strangers(10);
      for (const { line } of strangers) line.socket.send(generate(connectPacket('binary')));
      await closed(strangers);
      expect(strangers.map(({ closeCode }) => closeCode)).toEqual(strangers.map(() => 1003));
    });

    expect(above(toll, { writes: 0, reads: 4, invocations: 3, posts: 0 })).toEqual({});
  });

  it('who publish together with a refused CONNECT publish nothing', async () => {
    const message = publishPacket('calm/a', 'from a stranger');
    const toll = await field.endure(10, async () => {
      const strangers = await field.strangers(10);
      for (const stranger of strangers) stranger.send(connectPacket('nobody'), message, message);
      await closed(strangers);
    });

    expect(above(toll, { writes: 0, reads: 5, posts: 1, lines: 2 })).toEqual({});
  });

  it('who start authentication exchanges and abandon them are closed, and leave no row', async () => {
    const before = await field.guarded.older.rows();
    const toll = await field.endure(20, async () => {
      const strangers = await field.strangers(20);
      for (const [index, stranger] of strangers.entries()) {
        const { first } = new ScramClient('calm', 'no idea', `nonce${index}`);
        stranger.send(connectPacket(`scram-${index}`, { properties: scram(first) }));
      }
      await Promise.all(strangers.map((stranger) => stranger.next('auth')));
      await field.elapse(tooLong);
      await closed(strangers);
    });

    expect(above(toll, { writes: 4, reads: 11, invocations: 3, posts: 1, lines: 1 })).toEqual({});
    expect(await field.guarded.older.rows()).toEqual(before);
  });

  it('who respond to an exchange repeatedly are refused at the first wrong response', async () => {
    const refused = await field.loggedDuring('refused', async () => {
      const [stranger] = await field.strangers(1);
      const answer = { cmd: 'auth', reasonCode: 0x18, properties: scram('c=biws,r=x,p=AAAA') } as const;
      const { first } = new ScramClient('calm', 'no idea');
      stranger!.send(
        connectPacket('impatient', { properties: scram(first) }),
        ...Array.from({ length: 200 }, () => answer),
      );
      await stranger!.closed();
    });

    expect(refused).toMatchObject([{ clientId: 'impatient', reason: 0x82 }]);
  });

  describe('who guess passwords', () => {
    /** Sends each on a connection of its own. */
    async function guess(count: number): Promise<Record<string, number>> {
      const refused = await field.loggedDuring('refused', async () => {
        const strangers = await field.strangers(count);
        for (const [index, stranger] of strangers.entries())
          stranger.send(connectPacket(`guess-${index}`, { username: 'calm', password: Buffer.from(`guess ${index}`) }));
        await closed(strangers);
      });
      return countBy(refused.map(({ why }) => String(why)));
    }

    it('at the same time have only the concurrent guesses checked, and then none', async () => {
      let first: Record<string, number> = {};
      await field.endure(40, async () => {
        first = await guess(40);
      });
      const { 'wrong password': hashed = 0, 'too many failed logins': slowed = 0 } = first;
      expect(hashed + slowed).toBe(40);
      expect(hashed).toBeLessThanOrEqual(2 * 10); // containers, each with a batch

      let second = {};
      const toll = await field.endure(20, async () => {
        second = await guess(20);
      });
      expect(second).toEqual({ 'too many failed logins': 20 });
      expect(above(toll, { writes: 0, reads: 8, invocations: 3, posts: 1, lines: 2 })).toEqual({});
    });
  });
});

function scram(data: string) {
  return { authenticationMethod: 'SCRAM-SHA-256', authenticationData: Buffer.from(data) };
}

function countBy(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}
