/*
 * Strings that a queue, a table or another client cannot take. Proved elsewhere: every string of every packet:
 * test/protocol/malformed.test.ts and test/protocol/disallowed-characters.test.ts.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { apiOf } from '../api/support';
import { type Client5, connectPacket } from '../support/client5';
import { hashingOnce } from '../support/guarded-broker';
import { leftoversIn } from '../support/table-walk';
import { Battlefield, login } from './battlefield';
import { StrandedSessions } from './stranded-sessions';

/** SQS rejects bodies with U+FFFF; it accepts the other noncharacters and control characters here. */
const hostileIds = ['\uffff', 'a\ufffe', '\ufdd0', 'a\u{1ffff}', 'a\u0001', 'a\n', '\u007f', '\u0085'];
const malformed = 0x81;

describe('a client with strings that SQS rejects', () => {
  let field: Battlefield;
  let speaker: Client5;
  let listeners: Client5[];

  beforeAll(async () => {
    const options = { ...hashingOnce, settings: { inlineRecipients: 1 } };
    field = await Battlefield.start({ rules: [{ actions: ['all'], topics: ['#'] }] }, options);
    speaker = await field.enter('calm', 'speaker', { keepalive: 540 });
    listeners = [
      await field.enter('calm', 'first', { keepalive: 540 }),
      await field.enter('calm', 'second', { keepalive: 540 }),
    ];
    for (const listener of listeners) await listener.subscribe({ topic: 'crowd/+', qos: 1 });
  });

  /** Publishes a message to enough subscribers for the fan-out queue. */
  async function speak(): Promise<void> {
    const hearing = listeners.map((listener) => listener.hear());
    await speaker.publish('crowd/a', 'hello', { qos: 1 });
    for (const heard of await Promise.all(hearing)) expect(heard.text).toBe('hello');
  }

  afterAll(() => field.stop());

  it('is refused with such a client id, and many subscribers receive its will', async () => {
    await field.endure(hostileIds.length, async () => {
      for (const id of hostileIds) {
        const [client] = await field.strangers(1);
        client!.send(connectPacket(id, { ...login('calm'), properties: { sessionExpiryInterval: 3600 } }));
        expect({ id, code: (await client!.next('connack')).reasonCode }).toEqual({ id, code: malformed });
        await client!.closed();
        await speak();
      }
    });

    expect(await leftoversIn(field.cloud)).toEqual([]);
  });

  it('is refused with such a filter and such a topic', async () => {
    await field.endure(2, async () => {
      for (const packet of [subscribeTo('crowd/\uffff'), publishTo('crowd/\uffff')]) {
        const client = await field.enter('calm', `says ${packet.cmd}`);
        client.send(packet);
        expect((await client.next('disconnect')).reasonCode).toBe(malformed);
        await client.closed();
      }
    });

    expect(await leftoversIn(field.cloud)).toEqual([]);
  });

  it('harms nobody with a session from an earlier release, and the API lists and removes it', async () => {
    const id = 'kept-\uffff';
    const stranded = new StrandedSessions(field.cloud, 'crowd/+', 'calm');
    await stranded.away(id);
    await stranded.touch('L+');

    await field.endure(1, speak);
    const api = apiOf(field.cloud);
    const listed = [];
    for await (const { clientId } of api.clients()) listed.push(clientId);
    expect(listed).toContain(id);
    expect((await api.client(id)).subscriptions).toMatchObject([{ filter: 'crowd/+' }]);
    await api.disconnect(id, { session: 'remove', will: 'discard' });
    await field.cloud.settled();
    stranded.stop();

    await field.endure(1, speak);
    expect(await leftoversIn(field.cloud)).toEqual([]);
  });
});

function subscribeTo(topic: string) {
  return { cmd: 'subscribe' as const, messageId: 1, subscriptions: [{ topic, qos: 1 as const }] };
}

function publishTo(topic: string) {
  return { cmd: 'publish', topic, payload: 'x', qos: 0, dup: false, retain: false } as const;
}
