/*
 * What clients leave behind whose connections ended in every bad way. How it comes about, call by call: test/faults/leftovers.test.ts.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { apiOf } from '../api/support';
import type { Client5 } from '../support/client5';
import { hashingOnce } from '../support/guarded-broker';
import { leftoversIn } from '../support/table-walk';
import { Battlefield, tooLong } from './battlefield';
import { StrandedSessions } from './stranded-sessions';

/** Number of sessions of each kind. */
const count = 50;

/** Number of messages after which each container has handled one. */
const messages = 6;

describe('sessions that were never ended', () => {
  let field: Battlefield;
  let stranded: StrandedSessions;
  let speaker: Client5;

  beforeAll(async () => {
    field = await Battlefield.start({ rules: [{ actions: ['all'], topics: ['#'] }] }, hashingOnce);
    stranded = new StrandedSessions(field.cloud, 'crowd/+', 'calm');
    speaker = await field.enter('calm', 'speaker', { keepalive: 540 });
    const listener = await field.enter('calm', 'listener', { keepalive: 540 });
    await listener.subscribe({ topic: 'crowd/+', qos: 0 });
  });

  afterAll(() => {
    stranded.stop();
    return field.stop();
  });

  /** Returns reads and writes of one message to the sessions. */
  async function price() {
    await field.elapse(tooLong);
    await field.cloud.resetBill();
    await speaker.publish('crowd/a', 'hello', { qos: 1 });
    await field.cloud.settled();
    const { reads, writes } = (await field.cloud.bill()).dynamodb;
    return { reads, writes };
  }

  /** Returns the maximum cost of a message once every container has handled one. */
  async function usualPrice() {
    for (let message = 0; message < messages; message++) await price();
    const prices = [await price(), await price(), await price(), await price()];
    const most = (name: 'reads' | 'writes') => Math.max(...prices.map((one) => one[name]));
    return { reads: most('reads'), writes: most('writes') };
  }

  it.each<[kind: string, leave: (clientId: string) => Promise<void>]>([
    ['expired', (clientId) => stranded.expired(clientId)],
    ['owned by nobody', (clientId) => stranded.ownedByNobody(clientId)],
    ['headless', (clientId) => stranded.headless(clientId)],
  ])('and are %s do not raise the cost of later messages', async (kind, leave) => {
    const before = await usualPrice();
    for (let index = 0; index < count; index++) await leave(`${kind} ${index}`);
    await field.keepPace(async () => {
      await stranded.touch('L+');
      await speaker.publish('crowd/a', 'hello', { qos: 1 });
    });
    const after = await usualPrice();

    expect({ before, after, isDearer: after.reads > before.reads || after.writes > before.writes }).toEqual({
      before,
      after,
      isDearer: false,
    });
    await field.endure(1, async () => undefined);
  });

  it('are listed with all others, and a backend can remove them', async () => {
    await stranded.expired('expired');
    await stranded.ownedByNobody('owned by nobody');
    const api = apiOf(field.cloud);
    const listed = new Map<string, boolean | undefined>();
    for await (const { clientId, over } of api.clients()) listed.set(clientId, over);

    expect([listed.get('expired'), listed.get('owned by nobody')]).toEqual([true, undefined]);
    expect(await api.client('expired')).toMatchObject({
      over: true,
      queued: 1,
      subscriptions: [{ filter: 'crowd/+' }],
    });
    for (const clientId of ['expired', 'owned by nobody']) await api.disconnect(clientId, { session: 'remove' });
    await field.cloud.settled();

    const left = await leftoversIn(field.cloud);
    expect(left.filter((row) => /expired|owned by nobody/.test(row))).toEqual([]);
  });
});
