/*
 * Messages that are published later than they were accepted: wills, and QoS 2 messages between PUBLISH and PUBREL. What their publisher
 * may do is decided when they are published. Proved elsewhere: the will of a token that expires: test/broker/access/tokens.test.ts.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Rule } from '../../lambdas/access/rule';
import { type Client5, type ConnectFields, publishPacket } from '../support/client5';
import { hashingOnce } from '../support/guarded-broker';
import { leftoversIn } from '../support/table-walk';
import { Battlefield, login } from './battlefield';

const mayPublish: Rule = { actions: ['publish'], topics: ['late/#'] };
const mayNotRetain: Rule = { ...mayPublish, retain: false };

/** Seconds. */
const expiry = 3600;
const delay = 120;

let field: Battlefield;
let listener: Client5;
let users = 0;

beforeAll(async () => {
  const open = { anonymous: 'by-rules', rules: [{ actions: ['subscribe'], topics: ['late/#'] }] };
  field = await Battlefield.start(open, hashingOnce);
  listener = await field.enter('calm', 'listener', { keepalive: 0 });
  await listener.subscribe('late/#');
});

afterAll(() => field.stop());

/** Adds a user that may publish to `late/#`. */
async function addPublisher(): Promise<string> {
  users += 1;
  const username = `publisher-${users}`;
  await field.guarded.addUser(username, `password of ${username}`, { rules: [mayPublish] });
  return username;
}

const withWill = (fields: { retain?: boolean; qos?: 0 | 1 | 2; delay?: number } = {}): ConnectFields => ({
  clean: false,
  properties: { sessionExpiryInterval: expiry },
  will: {
    topic: 'late/will',
    payload: Buffer.from('will'),
    qos: fields.qos ?? 1,
    retain: fields.retain ?? false,
    ...(fields.delay && { properties: { willDelayInterval: fields.delay } }),
  },
});

async function heard(): Promise<string[]> {
  return (await field.guarded.broker.heardBy(listener)).map(({ text }) => text);
}

/** Moves the clock until no container caches an account. */
async function forgetAccounts(): Promise<void> {
  await field.elapse(31);
}

const remove = (username: string) => field.guarded.accounts.remove(username);
const forbid = (username: string) => field.guarded.changeRules(username, []);
const forbidRetained = (username: string) => field.guarded.changeRules(username, [mayNotRetain]);

describe('the will of a client', () => {
  it.each([0, 1, 2] as const)('at QoS %i is published as long as its account may publish it', async (qos) => {
    const username = await addPublisher();
    await field.guarded.broker.lose(await field.enter(username, username, withWill({ qos })));

    expect(await heard()).toEqual(['will']);
  });

  it.each([
    ['whose account was removed', remove],
    ['whose account may not publish there any more', forbid],
  ])('%s is not published, even if the connection is lost at once', async (_what, change) => {
    for (const qos of [0, 1, 2] as const) {
      const username = await addPublisher();
      const client = await field.enter(username, username, withWill({ qos }));
      await client.publish('late/any', 'before', { qos: 1 }); // its container caches the account
      expect(await heard()).toEqual(['before']);
      await change(username);
      const denied = await field.loggedDuring('denied', () => field.endure(1, () => field.guarded.broker.lose(client)));

      expect(await heard()).toEqual([]);
      expect(denied).toMatchObject([
        { clientId: username, username, action: 'publish', topic: '"late/will"', count: 1 },
      ]);
    }
  });

  it('is not retained if its account may no longer publish retained messages', async () => {
    const username = await addPublisher();
    const client = await field.enter(username, username, withWill({ retain: true }));
    await forbidRetained(username);
    await field.guarded.broker.lose(client);
    const late = await field.enter('calm', 'late');
    await late.subscribe('late/will');

    expect(await field.guarded.broker.heardBy(late)).toEqual([]);
    expect(await heard()).toEqual([]);
    await late.disconnect();
  });

  it('with a delay is authorized when the delay is over', async () => {
    const [removed, allowed] = [await addPublisher(), await addPublisher()];
    for (const username of [removed, allowed]) {
      await field.guarded.broker.lose(await field.enter(username, username, withWill({ delay })));
    }
    await remove(removed);
    await field.elapse(delay + 1);
    await field.cloud.runSchedule();
    await field.cloud.settled();

    expect(await heard()).toEqual(['will']);
  });

  it('of a silent client is authorized when the keep-alive expires', async () => {
    const username = await addPublisher();
    await field.enter(username, username, { ...withWill(), keepalive: 10 });
    await remove(username);
    await field.elapse(16);
    await field.cloud.runSchedule();
    await field.cloud.settled();

    expect(await heard()).toEqual([]);
  });

  it('of a client that a backend disconnects is authorized', async () => {
    const username = await addPublisher();
    const client = await field.enter(username, username, withWill());
    await forbid(username);
    client.send({ cmd: 'disconnect', reasonCode: 0x04 }); // with will
    await client.closed();

    expect(await heard()).toEqual([]);
  });

  it('is authorized when another client takes its session over', async () => {
    const [username, other] = [await addPublisher(), await addPublisher()];
    const lost = await field.enter(username, 'passed-on', withWill({ delay }));
    await field.guarded.broker.lose(lost);
    await forbid(username);
    const client = await field.enter(other, 'passed-on');

    expect(client.connack).toMatchObject({ reasonCode: 0, sessionPresent: false });
    expect(await heard()).toEqual([]);
    const again = await field.enter(other, 'passed-on', withWill());
    await client.closed();
    await forbid(other);
    await field.enter('calm', 'passed-on-not'); // others come and go
    await field.guarded.broker.lose(again);
    expect(await heard()).toEqual([]);
  });
});

describe('a QoS 2 message between PUBLISH and PUBREL', () => {
  /** Publishes at QoS 2 and does not send PUBREL. */
  async function hold(client: Client5, fields: { retain?: boolean } = {}): Promise<void> {
    client.send(publishPacket('late/held', 'held', { qos: 2, messageId: 7, ...fields }));
    await client.next('pubrec');
  }

  async function release(client: Client5): Promise<void> {
    client.send({ cmd: 'pubrel', messageId: 7 });
    await client.next('pubcomp');
  }

  it('is published while its account may publish it', async () => {
    const username = await addPublisher();
    const client = await field.enter(username, username);
    await hold(client);
    await release(client);

    expect(await heard()).toEqual(['held']);
  });

  it.each([
    ['publish there', forbid, {}],
    ['retain', forbidRetained, { retain: true }],
  ])('is dropped if its account may no longer %s, and its packet identifier is free', async (_what, change, fields) => {
    const username = await addPublisher();
    const client = await field.enter(username, username);
    await hold(client, fields);
    await change(username);
    await forgetAccounts();
    const denied = await field.loggedDuring('denied', () => field.endure(1, () => release(client)));

    expect(await heard()).toEqual([]);
    expect(denied).toMatchObject([{ clientId: username, action: 'publish', topic: '"late/held"', count: 1 }]);
    await field.guarded.changeRules(username, [mayPublish]);
    await forgetAccounts();
    await release(client); // there is nothing left to release
    expect(await heard()).toEqual([]);
    await hold(client);
    await release(client);
    expect(await heard()).toEqual(['held']);
  });

  it('is dropped with a client whose account was removed, and goes to no later client', async () => {
    const username = await addPublisher();
    const client = await field.guarded.broker.resume(username, expiry, login(username));
    await hold(client);
    await remove(username);
    await forgetAccounts();
    client.send({ cmd: 'pubrel', messageId: 7 });
    expect(await client.farewell()).toMatchObject({ reasonCode: 0x98 });
    await field.guarded.addUser(username, `password of ${username}`, { rules: [] });
    const again = await field.guarded.broker.resume(username, expiry, login(username));
    await release(again);

    expect(await heard()).toEqual([]);
  });

  it('is authorized after its session was resumed', async () => {
    const username = await addPublisher();
    const client = await field.guarded.broker.resume(username, expiry, login(username));
    await hold(client);
    await field.guarded.broker.lose(client);
    await forbid(username);
    await forgetAccounts();
    const again = await field.guarded.broker.resume(username, expiry, login(username));
    expect(again.connack?.sessionPresent).toBe(true);
    await release(again);

    expect(await heard()).toEqual([]);
  });
});

it('leaves no row without an owner', async () => {
  await field.elapse(60);

  expect(await leftoversIn(field.cloud)).toEqual([]);
});
