// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of rules are written so
/*
 * What somebody can do who has the credentials of one device, which may use topics of its own and nothing else. Proved elsewhere: rules,
 * one by one: test/broker/access/permissions.test.ts; what is malformed: test/protocol/malformed.test.ts.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import malformed from '../protocol/malformed.json';
import { type Client5, connectPacket, publishPacket } from '../support/client5';
import { hashingOnce } from '../support/guarded-broker';
import { hex } from '../support/packets';
import { Random } from '../support/random';
import { ScramClient } from '../support/scram-client';
import { above, Battlefield, login } from './battlefield';

const rules = [
  { name: 'own topics', actions: ['all'], topics: ['own/${clientId}/#'] },
  { name: 'topics of the user', actions: ['all'], topics: ['users/${username}/#'] },
];

/** Reason codes of MQTT 5.0. */
const notAuthorized = 0x87;
const idNotValid = 0x85;

describe('a compromised device', () => {
  let field: Battlefield;

  beforeAll(async () => {
    field = await Battlefield.start({ rules }, hashingOnce);
    await field.addDevice('device');
  });

  afterAll(() => field.stop());

  const connack = async (clientId: string, fields: Parameters<Client5['connect']>[1] = {}) => {
    const [client] = await field.strangers(1);
    client!.send(connectPacket(clientId, { ...login('device'), ...fields }));
    const { reasonCode } = await client!.next('connack');
    await client!.closed();
    return reasonCode;
  };

  describe('that uses the client id of another account', () => {
    beforeAll(() => field.addDevice('owner'));

    it('is refused while the owner is connected, without an effect on it', async () => {
      const owner = await field.enter('owner', 'victim', { keepalive: 540 });
      await owner.subscribe('own/victim/#');
      const toll = await field.endure(10, async () => {
        for (let count = 0; count < 10; count++)
          expect(await connack('victim', { clean: count % 2 === 0 })).toBe(idNotValid);
      });
      await owner.publish('own/victim/a', 'still mine', { qos: 1 });

      expect((await owner.hear()).text).toBe('still mine');
      expect(field.guarded.logged('refused').at(-1)).toMatchObject({
        ...{ clientId: 'victim', username: 'device', address: '127.0.0.1', reason: idNotValid },
        why: 'the client id belongs to another account',
      });
      expect(above(toll, { writes: 3, reads: 8, invocations: 5, posts: 1, lines: 2 })).toEqual({});
      await field.guarded.broker.leave(owner);
    });
  });

  describe('that chooses a client id to extend its rules', () => {
    const wanted = ['own/#', 'own/+/x', 'own/neighbour/x', '+/+/x', '#'];

    it.each(['+', '#', 'neighbour/x', 'neighbour/#', '/', '+/x', '${username}', 'own/neighbour', 'neighbour\u{ff0f}x'])(
      'as %j gets at nothing of others',
      async (clientId) => {
        const client = await field.enter('device', clientId);

        expect(await client.subscribe(wanted)).toEqual(wanted.map(() => notAuthorized));
        expect(await client.publish('own/neighbour/x', 'x', { qos: 1 })).toBe(notAuthorized);
        await client.disconnect();
      },
    );

    it.each(['$SYS', '$share'])('as %j reaches only topics below its own level', async (clientId) => {
      const client = await field.enter('device', clientId);

      expect(await client.subscribe(['$SYS/#', '$share/g/#', 'own/+/x'])).toEqual([
        notAuthorized,
        notAuthorized,
        notAuthorized,
      ]);
      expect(await client.subscribe(`own/${clientId}/#`)).toEqual([2]);
      await client.disconnect();
    });
  });

  it.each(['a/b', '+', '#', '$SYS', '${clientId}', 'x/#'])(
    'whose user is called %j gets at nothing of others',
    async (username) => {
      await field.addDevice(username);
      const client = await field.enter(username, 'ordinary');
      const wanted = ['users/#', 'users/+/x', 'users/a/b/x', 'users/device/x', 'users/ordinary/x'];

      expect(await client.subscribe(wanted)).toEqual(wanted.map(() => notAuthorized));
      expect(await client.publish('users/device/x', 'x', { qos: 1 })).toBe(notAuthorized);
      await client.disconnect();
    },
  );

  it('that subscribes to everything is granted nothing, receives nothing, and causes one log line', async () => {
    const filters = [
      '#',
      '+/+',
      '$share/g/#',
      '$share/g/+/+',
      'calm/#',
      'calm/a',
      '+/a',
      '/#',
      '+',
      '$SYS/#',
      '$share/#/a',
    ];
    const denied = await field.loggedDuring('denied', async () => {
      const client = await field.enter('device', 'curious');
      await field.endure(1, async () => {
        expect(await client.subscribe(filters.slice(0, 10))).toEqual(filters.slice(0, 10).map(() => notAuthorized));
      });
      expect(await field.guarded.broker.heardBy(client)).toEqual([]);
      await client.disconnect();
    });

    expect(denied).toMatchObject([{ username: 'device', action: 'subscribe', count: 10 }]);
  });

  it.each([0, 1, 2] as const)(
    'that publishes at forbidden topics at line rate at QoS %i reaches nobody, writes nothing but its commits, and logs a line a turn',
    async (qos) => {
      const frames = 200;
      const client = await field.enter('device', 'loud');
      const toll = await field.endure(frames, async () => {
        for (let index = 1; index <= frames; index++)
          client.send(publishPacket('calm/a', 'forged', { qos, messageId: index }));
        await client.ping();
      });

      expect(above(toll, { writes: 0.3, reads: 0.5, invocations: 0.3, posts: 0.3, lines: 0.3 })).toEqual({});
      await client.disconnect();
    },
  );

  it('that publishes to hundreds of forbidden topics in each frame causes one log line per turn', async () => {
    const client = await field.enter('device', 'louder');
    const denied = await field.loggedDuring('denied', async () => {
      for (let frame = 0; frame < 10; frame++)
        client.send(...Array.from({ length: 300 }, (_, index) => publishPacket(`calm/${frame}/${index}`, 'x')));
      await client.ping();
    });

    expect(denied.reduce((sum, { count }) => sum + Number(count), 0)).toBe(3000);
    expect(denied.length).toBeLessThanOrEqual(10);
    await client.disconnect();
  });

  it('whose will is for a forbidden topic is refused', async () => {
    const will = { topic: 'calm/a', payload: Buffer.from('forged'), qos: 1, retain: true } as const;
    const toll = await field.endure(5, async () => {
      for (let count = 0; count < 5; count++) expect(await connack(`heir-${count}`, { will })).toBe(notAuthorized);
    });

    expect(above(toll, { writes: 1, posts: 1, lines: 2 })).toEqual({}); // a right password is noted
  });

  it('that re-authenticates permanently causes a turn for ten exchanges', async () => {
    await field.guarded.addScramUser('scram', 'password of scram', { rules: [] });
    const client = await field.guarded.broker.open();
    const exchange = new ScramClient('scram', 'password of scram');
    client.send(connectPacket('restless', { keepalive: 540, properties: scram(exchange.first) }));
    const { properties } = await client.next('auth');
    client.send({
      cmd: 'auth',
      reasonCode: 0x18,
      properties: scram(exchange.answer(String(properties?.authenticationData))),
    });
    await client.next('connack');
    const toll = await field.endure(100, async () => {
      for (let count = 0; count < 100; count++)
        client.send({
          cmd: 'auth',
          reasonCode: 0x19,
          properties: scram(new ScramClient('scram', '', `n${count}`).first),
        });
      await client.closed();
    });

    expect(above(toll, { writes: 0.5, reads: 1, invocations: 0.3, posts: 0.3, lines: 0.3 })).toEqual({});
  });

  it('that never releases its QoS 2 messages is closed at the 1,025th', async () => {
    const client = await field.enter('device', 'hoarder');
    const toll = await field.endure(1100, async () => {
      const message = (messageId: number) => publishPacket('own/hoarder/a', 'x', { qos: 2, messageId });
      for (let first = 1; first <= 1100; first += 100)
        client.send(...Array.from({ length: 100 }, (_, index) => message(first + index)));

      expect(await client.farewell()).toMatchObject({ reasonCode: 0x93 });
    });

    expect(above(toll, { writes: 2.2, reads: 0.5, invocations: 0.1, posts: 0.1, lines: 0.1 })).toEqual({}); // kept, and removed
  });

  it.each([
    ['topics of 64 KB', `own/large/${'a/'.repeat(32_700)}`, {}],
    ['five thousand user properties', 'own/large/a', userProperties(5000)],
  ])('that publishes with %s costs as much as its bytes', async (_what, topic, properties) => {
    const client = await field.enter('device', 'large');
    const toll = await field.endure(5, async () => {
      for (let count = 0; count < 5; count++) await client.publish(topic, 'x', { qos: 1, properties });
    });

    // Three frames each, of which all but the last are kept until it comes.
    expect(above(toll, { frames: 4, writes: 100, reads: 40, invocations: 4, posts: 2, lines: 1 })).toEqual({});
    await client.disconnect();
  });

  it('that subscribes to more shapes than allowed is refused', async () => {
    const client = await field.enter('device', 'shapes');
    const filters = Array.from(
      { length: 200 },
      (_, index) => `own/shapes/${(index + 256).toString(2).replaceAll('1', '+').split('').join('/')}`,
    );
    const codes = await client.subscribe(filters);

    expect(codes.filter((code) => code === 0x97).length).toBeGreaterThan(100);
    await field.endure(1, async () => undefined);
    await client.disconnect();
  });

  it('that sends malformed packets or random bytes is closed without an effect on others', async () => {
    const random = new Random(11);
    const inside = malformed.filter(({ before }) => before !== 'connect').map(({ hex: text }) => hex(text));
    const noise = Array.from({ length: 6 }, () => Buffer.concat([hex('f0 00'), random.bytes(50)]));
    const streams = [...inside.filter((_, index) => index % 5 === 0), ...noise];
    const toll = await field.endure(streams.length, async () => {
      for (const [index, stream] of streams.entries()) {
        const client = await field.guarded.older.connect(`broken-${index}`, login('device'));
        client.sendBytes(stream);
        await client.closed();
      }
    });

    expect(streams.length).toBeGreaterThan(10);
    expect(above(toll, { writes: 12, reads: 16, invocations: 6, posts: 2, lines: 5 })).toEqual({});
  });

  it('that leaves a gap in its frame numbers is closed when the frames behind it are too many or too old', async () => {
    const client = await field.enter('device', 'gap', { keepalive: 20 });
    const toll = await field.endure(100, async () => {
      for (let number = 100; number < 200; number++)
        client.line.sendText(`${number}.${Buffer.alloc(300).toString('base64')}`);
      await field.elapse(32);
      await client.closed();
    });

    expect(above(toll, { writes: 5, reads: 2, invocations: 0.5, posts: 0.1, lines: 0.1 })).toEqual({});
  });
});

function scram(data: string) {
  return { authenticationMethod: 'SCRAM-SHA-256', authenticationData: Buffer.from(data) };
}

function userProperties(count: number) {
  return { userProperties: Object.fromEntries(Array.from({ length: count }, (_, index) => [`key${index}`, 'value'])) };
}
