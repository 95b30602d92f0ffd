// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of rules are written so
/*
 * Proved elsewhere: what rules mean, rule by rule: test/access/rule-permissions.test.ts; which clients come in: passwords.test.ts,
 *   tokens.test.ts, scram.test.ts.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Rule } from '../../../lambdas/access/rule';
import { clause } from '../../support/clause';
import type { Client5, ConnectFields } from '../../support/client5';
import { everythingRule, GuardedBroker, hashingOnce } from '../../support/guarded-broker';
import { OidcProvider } from '../../support/oidc-provider';
import { type PublishOptions, publishPacket, type TextClient } from '../../support/text-client';

const mayPublish = (...topics: string[]): Rule => ({ actions: ['publish'], topics });
const maySubscribe = (...topics: string[]): Rule => ({ actions: ['subscribe'], topics });
const mayNotHear = (...topics: string[]): Rule => ({ effect: 'deny', actions: ['receive'], topics });

let provider: OidcProvider;
let guarded: GuardedBroker;
/** Publishes anything, and hears it. */
let chief: Client5;

beforeAll(async () => {
  provider = await OidcProvider.start();
  guarded = await GuardedBroker.start(
    {
      anonymous: 'by-rules',
      issuers: [{ issuer: provider.issuer, audience: 'mqtt', rulesClaim: 'rules' }],
      rules: [
        { actions: ['publish'], topics: ['public/#'] },
        {
          actions: ['publish', 'subscribe'],
          topics: ['of/${clientId}/#', 'user/${username}/in', 'room/${claim.room}/#'],
        },
        { actions: ['publish'], topics: ['guests/#'], who: { kinds: ['anonymous'] } },
      ],
    },
    { settings: { inlineRecipients: 3 }, ...hashingOnce },
  );
  await guarded.addUser('chief', 'secret');
});

beforeEach(async () => {
  chief = await enter('chief', 'chief', { keepalive: 0 });
});

afterEach(async () => {
  for (const connection of guarded.cloud.connections()) guarded.cloud.faults.cut(connection);
  await guarded.cloud.settled();
});

afterAll(() => Promise.all([guarded.stop(), provider.stop()]));

const credentials = (username: string) => ({ username, password: Buffer.from('secret') });

/** A user of MQTT 5.0 whose account is there already. */
function enter(username: string, clientId = username, fields: ConnectFields = {}): Promise<Client5> {
  return guarded.broker.connect(clientId, { ...credentials(username), ...fields });
}

function enterOlder(username: string, clientId = username): Promise<TextClient> {
  return guarded.older.connect(clientId, credentials(username));
}

/** The same with a session that outlives its connection. */
function resume(username: string, clientId = username, seconds = 600): Promise<Client5> {
  return guarded.broker.resume(clientId, seconds, credentials(username));
}

async function add(username: string, ...rules: readonly Rule[]): Promise<void> {
  await guarded.addUser(username, 'secret', { rules });
}

/** Other rules, and time for every container to notice. */
async function change(username: string, ...rules: readonly Rule[]): Promise<void> {
  await guarded.changeRules(username, rules);
  forgetAccounts();
}

function forgetAccounts(): void {
  guarded.cloud.clock.jump(30_000);
}

async function textsHeardBy(client: Client5): Promise<string[]> {
  return (await guarded.broker.heardBy(client)).map(({ text }) => text);
}

describe('a message', () => {
  beforeAll(async () => {
    await add(
      'writer',
      mayPublish('free/#'),
      { ...mayPublish('low/#'), maxQos: 1 },
      { ...mayPublish('fleeting/#'), retain: false },
      { effect: 'deny', actions: ['publish'], topics: ['free/secret/#'] },
    );
  });

  const cases = [
    ['free/a', 2, true, true],
    ['free', 0, false, true],
    ['other', 0, false, false],
    ['other', 1, false, false],
    ['other', 2, false, false],
    ['free/secret', 1, false, false],
    ['free/secret/b', 0, true, false],
    ['low/a', 1, true, true],
    ['low/a', 2, false, false],
    ['fleeting/a', 2, false, true],
    ['fleeting/a', 1, true, false],
    ['fleeting/a', 0, true, false],
    ['$SYS/a', 1, false, false],
  ] as const;

  /** What became of each case: the codes its client heard, and whether chief heard the message now and hears it later. */
  async function outcomes(publish: (topic: string, fields: PublishOptions) => Promise<number>) {
    const late = await enter('chief', 'late');
    const found = [];
    for (const [topic, qos, retain] of cases) {
      await chief.subscribe(topic);
      const code = await publish(topic, { qos, retain });
      const isHeard = (await textsHeardBy(chief)).length === 1;
      await late.subscribe(topic);
      const isKept = (await textsHeardBy(late)).length === 1;
      found.push({ topic, qos, retain, code, isHeard, isKept });
      await late.unsubscribe(topic);
      await chief.unsubscribe(topic);
      await chief.publish(topic, '', { retain: true });
    }
    return found;
  }

  function expected(refusal: (qos: number) => number) {
    return cases.map(([topic, qos, retain, isAllowed]) => {
      const code = isAllowed ? 0 : refusal(qos);
      return { topic, qos, retain, code, isHeard: isAllowed, isKept: isAllowed && retain };
    });
  }

  it('is delivered where rules allow it, and refused with 0x87 elsewhere, at QoS 0 in silence', async () => {
    const client = await enter('writer');

    expect(await outcomes((topic, fields) => client.publish(topic, 'x', fields))).toEqual(
      expected((qos) => (qos === 0 ? 0 : 0x87)),
    );
    await client.ping();
  });

  clause('v3 MQTT-3.3.5-2', 'of MQTT 3.1.1 is acknowledged whether rules allow it or not', async () => {
    const client = await enterOlder('writer');
    const publish = async (topic: string, fields: PublishOptions) => {
      await client.publish(topic, 'x', fields);
      return 0;
    };

    expect(await outcomes(publish)).toEqual(expected(() => 0));
    await client.ping();
  });

  it('that was refused leaves its packet id free', async () => {
    const client = await enter('writer');
    for (let times = 3; times > 0; times--) {
      expect(await client.publish('other', 'x', { qos: 2, messageId: 7 })).toBe(0x87);
    }

    expect(await client.publish('free/a', 'x', { qos: 2, messageId: 7 })).toBeLessThan(0x80);
  });

  it('cannot hide its topic behind an alias', async () => {
    await chief.subscribe('#');
    const client = await enter('writer');
    const alias = (topicAlias: number) => ({ qos: 1, properties: { topicAlias } }) as const;
    expect(await client.publish('other', 'a', alias(1))).toBe(0x87);
    expect(await client.publish('', 'b', alias(1))).toBe(0x87);
    expect(await client.publish('free/a', 'c', alias(1))).toBeLessThan(0x80);
    expect(await client.publish('', 'd', alias(1))).toBeLessThan(0x80);

    expect(await textsHeardBy(chief)).toEqual(['c', 'd']);
  });

  it('among others in one frame is refused alone', async () => {
    await chief.subscribe('#');
    const client = await enter('writer');
    for (const qos of [0, 1] as const) {
      client.send(
        publishPacket('free/1', 'one', { qos, messageId: 1 }),
        publishPacket('other', 'two', { qos, messageId: 2 }),
        publishPacket('free/3', 'three', { qos, messageId: 3 }),
      );
    }

    await client.ping();
    expect(await textsHeardBy(chief)).toEqual(['one', 'three', 'one', 'three']);
  });
});

describe('a subscription', () => {
  beforeAll(async () => {
    await add(
      'reader',
      maySubscribe('news/#', 'a/b'),
      { ...maySubscribe('low/#'), maxQos: 0 },
      { ...maySubscribe('mid/#'), maxQos: 1 },
      maySubscribe('files/#'),
      { effect: 'deny', actions: ['subscribe'], topics: ['files/private/#'] },
      { actions: ['receive'], topics: ['only/heard'] },
    );
  });

  const cases = [
    ['news/#', 2],
    ['news', 2],
    ['news/+/a', 2],
    ['a/b', 2],
    ['low/a', 0],
    ['mid/+', 1],
    ['$share/group/news/#', 2],
    ['$share/group/mid/a', 1],
    ['files/public/#', 2],
    ['#', 0x87],
    ['+/b', 0x87],
    ['a/+', 0x87],
    ['a/#', 0x87],
    ['a/c', 0x87],
    ['+', 0x87],
    ['files/#', 0x87],
    ['files/private', 0x87],
    ['files/+', 0x87],
    ['$share/group/#', 0x87],
    ['$share/group/other', 0x87],
    ['$share/news/a', 0x87],
    ['only/heard', 0x87],
    ['$SYS/#', 0x87],
  ] as const;

  it.each(cases)('to %s is answered with %i', async (filter, code) => {
    const client = await enter('reader');

    expect(await client.subscribe(filter)).toEqual([code]);
  });

  it('of MQTT 3.1.1 is answered with 0x80 where it is not allowed', async () => {
    const client = await enterOlder('reader');

    const filters = ['news/#', 'mid/a', 'low/a', '#', 'a/+'];
    expect(await client.subscribe(2, ...filters)).toEqual([2, 1, 0, 0x80, 0x80]);
  });

  it('among others is refused alone', async () => {
    const client = await enter('reader');
    expect(await client.subscribe(['other', 'news/#', '#', 'low/#'])).toEqual([0x87, 2, 0x87, 0]);
    for (const topic of ['other', 'news/a', 'low/a', 'a/c']) await chief.publish(topic, topic, { qos: 1 });

    expect(await guarded.broker.heardBy(client)).toMatchObject([
      { text: 'news/a', qos: 1 },
      { text: 'low/a', qos: 0 },
    ]);
  });

  it('may be given up whatever the rules say', async () => {
    const client = await enter('reader');

    expect(await client.unsubscribe('#', 'other')).toEqual([0x11, 0x11]);
  });
});

describe('a variable in a rule', () => {
  beforeAll(() => add('carol'));

  it('stands for the client id', async () => {
    const client = await enter('carol', 'c-1');

    expect(await client.publish('of/c-1/x', 'x', { qos: 1 })).toBeLessThan(0x80);
    expect(await client.publish('of/c-2/x', 'x', { qos: 1 })).toBe(0x87);
    expect(await client.subscribe(['of/c-1/#', 'of/+/x', 'of/#'])).toEqual([2, 0x87, 0x87]);
  });

  it.each(['+', '#', 'a/b', '+/x'])('is nothing for the client id %s', async (clientId) => {
    const client = await enter('carol', clientId);

    for (const topic of [`of/${clientId}/x`, 'of/any/x'].filter((name) => !/[+#]/.test(name))) {
      expect(await client.publish(topic, 'x', { qos: 1 })).toBe(0x87);
    }
    expect(await client.subscribe([`of/${clientId.replace('#', '+')}/x`])).toEqual([0x87]);
  });

  it('stands for the user name', async () => {
    const client = await enter('carol', 'c');

    expect(await client.publish('user/carol/in', 'x', { qos: 1 })).toBeLessThan(0x80);
    expect(await client.publish('user/chief/in', 'x', { qos: 1 })).toBe(0x87);
  });

  it('stands for a claim of a token', async () => {
    const token = await provider.token({ claims: { room: 'kitchen' } });
    const client = await guarded.broker.connect('t', { username: 'x', password: Buffer.from(token) });

    expect(await client.publish('room/kitchen/x', 'x', { qos: 1 })).toBeLessThan(0x80);
    expect(await client.publish('room/attic/x', 'x', { qos: 1 })).toBe(0x87);
    expect(await client.publish('user/device/in', 'x', { qos: 1 })).toBeLessThan(0x80);
  });

  it('is nothing where there is no such claim, or it is a wildcard', async () => {
    for (const claims of [{}, { room: '+' }, { room: '' }, { room: ['kitchen'] }]) {
      const token = await provider.token({ claims });
      const client = await guarded.broker.connect('t', { username: 'x', password: Buffer.from(token) });

      expect(await client.publish('room/kitchen/x', 'x', { qos: 1 })).toBe(0x87);
      expect(await client.subscribe(['room/+/x', 'room//x'])).toEqual([0x87, 0x87]);
    }
  });
});

describe('rules', () => {
  it('may come with a token', async () => {
    const token = await provider.token({ claims: { rules: [mayPublish('granted/#')] } });
    const client = await guarded.broker.connect('t', { username: 'x', password: Buffer.from(token) });

    expect(await client.publish('granted/x', 'x', { qos: 1 })).toBeLessThan(0x80);
    expect(await client.publish('other', 'x', { qos: 1 })).toBe(0x87);
  });

  it('keep a token out that has some nobody can read', async () => {
    const token = await provider.token({ claims: { rules: [{ actions: ['anything'], topics: ['#'] }] } });
    const client = await guarded.broker.connect('t', { username: 'x', password: Buffer.from(token) });

    expect(client.connack).toMatchObject({ reasonCode: 0x87 });
  });

  it('say what clients without a name may do', async () => {
    const client = await guarded.broker.connect('guest');

    expect(await client.publish('guests/x', 'x', { qos: 1 })).toBeLessThan(0x80);
    expect(await client.publish('public/x', 'x', { qos: 1 })).toBeLessThan(0x80);
    expect(await client.publish('of/guest/x', 'x', { qos: 1 })).toBeLessThan(0x80);
    expect(await client.publish('user//in', 'x', { qos: 1 })).toBe(0x87);
    expect(await client.subscribe(['#', 'guests/x'])).toEqual([0x87, 0x87]);
  });
});

describe('a will', () => {
  const will = (topic: string, qos: 0 | 1 | 2 = 1, retain = false) => ({
    will: { topic, payload: Buffer.from('gone'), qos, retain },
  });

  beforeAll(() => add('mortal', { ...mayPublish('lost/#'), maxQos: 1, retain: false }));

  it('that may not be published is refused with its client', async () => {
    for (const fields of [will('other'), will('lost/x', 2), will('lost/x', 0, true)]) {
      const client = await enter('mortal', 'mortal', fields);
      await client.closed();
      const older = await guarded.older.connect('mortal', { ...credentials('mortal'), ...fields });
      await older.closed();

      expect(client.connack).toMatchObject({ reasonCode: 0x87 });
      expect(older.connack).toMatchObject({ returnCode: 5 });
    }
    expect((await guarded.older.rows()).filter((row) => row.includes('mortal'))).toEqual([]);
  });

  it('that may be published is', async () => {
    await chief.subscribe('lost/#');
    await guarded.broker.lose(await enter('mortal', 'mortal', will('lost/x')));

    expect(await textsHeardBy(chief)).toEqual(['gone']);
  });
});

describe('a topic that may not be heard', () => {
  beforeAll(async () => {
    await add('listener', maySubscribe('#'), mayNotHear('secret/#'));
    for (const name of ['one', 'two', 'three', 'four', 'five']) await add(name, everythingRule);
    await add('deaf', maySubscribe('#'), mayNotHear('wide/secret'));
  });

  it.each([0, 1, 2] as const)('is not delivered at QoS %i to who is there', async (qos) => {
    const client = await enter('listener');
    const older = await enterOlder('listener', 'listener-of-old');
    expect(await client.subscribe('#')).toEqual([2]);
    expect(await older.subscribe(2, '#')).toEqual([2]);
    for (const topic of ['secret/a', 'open/a', 'secret', 'open/b']) await chief.publish(topic, topic, { qos });

    expect(await textsHeardBy(client)).toEqual(['open/a', 'open/b']);
    expect((await guarded.older.heardBy(older)).map(({ text }) => text)).toEqual(['open/a', 'open/b']);
  });

  it('is not kept for who is away', async () => {
    const before = await resume('listener');
    await before.subscribe('#');
    await guarded.broker.leave(before);
    for (const topic of ['secret/a', 'open/a', 'secret/b', 'open/b']) await chief.publish(topic, topic, { qos: 1 });
    expect(await guarded.stored()).not.toContain('secret/b');
    await change('listener', maySubscribe('#'));
    const after = await resume('listener');

    expect(after.connack).toMatchObject({ sessionPresent: true });
    expect(await textsHeardBy(after)).toEqual(['open/a', 'open/b']);
    await change('listener', maySubscribe('#'), mayNotHear('secret/#'));
  });

  it('by rules that changed meanwhile is not sent to who returns', async () => {
    await add('returning', maySubscribe('#'));
    const before = await resume('returning');
    await before.subscribe('#');
    await guarded.broker.leave(before);
    for (const topic of ['secret/a', 'open/a', 'secret/b', 'open/b']) await chief.publish(topic, topic, { qos: 1 });
    await change('returning', maySubscribe('#'), mayNotHear('secret/#'));
    const after = await resume('returning');

    expect(await textsHeardBy(after)).toEqual(['open/a', 'open/b']);
    expect(await guarded.stored()).not.toContain('secret/a');
  });

  it('by rules that changed meanwhile is not delivered to who has subscribed to it', async () => {
    await add('present', maySubscribe('news/#', 'open/#'));
    const client = await enter('present');
    await client.subscribe(['news/#', 'open/#']);
    await chief.publish('news/a', 'before', { qos: 1 });
    expect(await textsHeardBy(client)).toEqual(['before']);
    await change('present', maySubscribe('open/#'));
    for (const qos of [0, 1, 2] as const) await chief.publish('news/a', 'after', { qos });
    await chief.publish('open/a', 'open', { qos: 1 });

    expect(await textsHeardBy(client)).toEqual(['open']);
  });

  it('is not sent as a retained message', async () => {
    for (const topic of ['secret/kept', 'open/kept']) await chief.publish(topic, topic, { qos: 1, retain: true });
    const client = await enter('listener');
    await client.subscribe({ topic: '#', qos: 0 });
    await client.subscribe({ topic: '+/kept', qos: 1 });

    expect(await textsHeardBy(client)).toEqual(['open/kept', 'open/kept']);
    for (const topic of ['secret/kept', 'open/kept']) await chief.publish(topic, '', { retain: true });
  });

  it('is not delivered to a large audience either', async () => {
    const audience = await Promise.all(['one', 'two', 'three', 'four', 'five', 'deaf'].map((name) => enter(name)));
    for (const client of audience) await client.subscribe('wide/#');
    for (const qos of [0, 1, 2] as const) {
      await chief.publish('wide/secret', `secret ${qos}`, { qos });
      await chief.publish('wide/open', `open ${qos}`, { qos });
    }

    const heard = await Promise.all(audience.map(textsHeardBy));
    const open = ['open 0', 'open 1', 'open 2'];
    expect(heard.map((texts) => texts.filter((text) => text.startsWith('open')))).toEqual(audience.map(() => open));
    expect(heard.map((texts) => texts.filter((text) => text.startsWith('secret')).length)).toEqual([3, 3, 3, 3, 3, 0]);
  });

  // Open: a member is chosen before anybody asks what it may hear.
  it('goes to a member of a share that may hear it', async () => {
    await add('hears', everythingRule);
    const hears = await enter('hears');
    const deaf = await enter('deaf');
    for (const client of [hears, deaf]) expect(await client.subscribe('$share/group/wide/#')).toEqual([2]);
    const texts = Array.from({ length: 10 }, (_, index) => `secret ${index}`);
    for (const text of texts) await chief.publish('wide/secret', text, { qos: 1 });

    expect(await textsHeardBy(deaf)).toEqual([]);
    expect(await textsHeardBy(hears)).toEqual(texts);
  });
});

describe('an account that changes', () => {
  it.each([0, 1, 2] as const)(
    'is held to its new rules on a live connection at QoS %i, within half a minute',
    async (qos) => {
      const name = `changing-${qos}`;
      await add(name, mayPublish('before'));
      await chief.subscribe(['before', 'after']);
      const client = await enter(name);
      for (const topic of ['before', 'after']) await client.publish(topic, `1 ${topic}`, { qos });
      await change(name, mayPublish('after'));
      for (const topic of ['before', 'after']) await client.publish(topic, `2 ${topic}`, { qos });

      expect(await textsHeardBy(chief)).toEqual(['1 before', '2 after']);
    },
  );

  it('may subscribe to what its new rules allow', async () => {
    await add('growing', maySubscribe('a'));
    const client = await enter('growing');
    expect(await client.subscribe(['a', 'b'])).toEqual([2, 0x87]);
    await change('growing', maySubscribe('b'));

    expect(await client.subscribe(['a', 'b'])).toEqual([0x87, 2]);
  });

  it('and is removed ends its connection at the next packet, with 0x98', async () => {
    await add('leaving', everythingRule);
    const publishing = await enter('leaving', 'leaving-1');
    const pinging = await enter('leaving', 'leaving-2');
    const older = await enterOlder('leaving', 'leaving-3');
    await chief.subscribe('any');
    await guarded.accounts.remove('leaving');
    forgetAccounts();
    publishing.send(publishPacket('any', 'x', { qos: 0 }));
    pinging.send({ cmd: 'pingreq' });
    older.send({ cmd: 'pingreq' });

    expect(await publishing.farewell()).toMatchObject({ reasonCode: 0x98 });
    expect(await pinging.farewell()).toMatchObject({ reasonCode: 0x98 });
    await older.closed();
    expect(older.rest()).toEqual([]);
    expect(await textsHeardBy(chief)).toEqual([]);
  });

  it('and is removed hears nothing any more', async () => {
    await add('gone', everythingRule);
    const client = await enter('gone');
    await client.subscribe('news');
    await guarded.accounts.remove('gone');
    forgetAccounts();
    for (const qos of [0, 1, 2] as const) await chief.publish('news', 'x', { qos });
    await guarded.cloud.settled();

    expect(client.rest().filter(({ cmd }) => cmd === 'publish')).toEqual([]);
  });

  it('and is bound to another client id ends its connection', async () => {
    await add('moved', everythingRule);
    const client = await enter('moved', 'here');
    const account = await guarded.accounts.read('moved');
    await guarded.accounts.replace({ ...account!, clientId: 'there' });
    forgetAccounts();
    client.send({ cmd: 'pingreq' });

    expect(await client.farewell()).toMatchObject({ reasonCode: 0x98 });
  });

  it('and is added again just after its removal lets its user in', async () => {
    await add('reborn', everythingRule);
    const client = await enter('reborn');
    await guarded.accounts.remove('reborn');
    forgetAccounts();
    client.send({ cmd: 'pingreq' });
    await client.closed();
    await add('reborn', everythingRule);

    expect((await enter('reborn')).connack).toMatchObject({ reasonCode: 0 });
  });
});

describe('the session of an account', () => {
  beforeAll(async () => {
    await add('owner', everythingRule);
    await add('other', everythingRule);
  });

  const refuses = async (fields: object) => {
    for (const clean of [true, false]) {
      const client = await guarded.broker.connect('mine', { ...fields, clean });
      expect(client.connack).toMatchObject({ reasonCode: 0x85 });
      const older = await guarded.older.connect('mine', { ...fields, clean });
      expect(older.connack).toMatchObject({ returnCode: 2 });
    }
  };

  it('is not for another user while its client is connected, with Clean Start or without', async () => {
    const owner = await resume('owner', 'mine');
    await refuses(credentials('other'));
    await owner.ping();
    await guarded.broker.leave(owner);
  });

  it('is not for anonymous clients, whether its client is connected or away', async () => {
    const owner = await resume('owner', 'mine');
    await owner.subscribe('to/mine');
    await refuses({});
    await owner.ping();
    await guarded.broker.leave(owner);
    await refuses({});
    await chief.publish('to/mine', 'kept', { qos: 1 });
    const again = await resume('owner', 'mine');

    expect(again.connack).toMatchObject({ reasonCode: 0, sessionPresent: true });
    expect(await textsHeardBy(again)).toEqual(['kept']);
    await guarded.broker.leave(await enter('owner', 'mine'));
  });

  it('is another one as soon as it has ended, and nothing of it is left', async () => {
    const owner = await resume('owner', 'passed-on', 20);
    await owner.subscribe('to/owner');
    await guarded.broker.leave(owner);
    await chief.publish('to/owner', 'not for others', { qos: 1 });
    await guarded.broker.pass(21);
    const heir = await resume('other', 'passed-on', 20);

    expect(heir.connack).toMatchObject({ reasonCode: 0, sessionPresent: false });
    await chief.publish('to/owner', 'nor this', { qos: 1 });
    expect(await textsHeardBy(heir)).toEqual([]);
    const back = await resume('owner', 'passed-on', 20);
    expect(back.connack).toMatchObject({ reasonCode: 0x85 });
  });

  it('that ends with its connection is free at once', async () => {
    await guarded.broker.leave(await enter('owner', 'brief'));

    expect((await enter('other', 'brief')).connack).toMatchObject({ reasonCode: 0 });
  });

  it('takes no will of those it is not for', async () => {
    await resume('owner', 'guarded');
    const before = await guarded.older.rows();
    const will = { topic: 'public/will', payload: Buffer.from('x'), qos: 1, retain: false } as const;
    const client = await enter('other', 'guarded', { will });
    await client.closed();
    const after = await guarded.older.rows();

    expect(client.connack).toMatchObject({ reasonCode: 0x85 });
    expect(after.filter((row) => row.includes('guarded'))).toEqual(before.filter((row) => row.includes('guarded')));
  });
});
