/*
 * Strings that a queue, a table or another client cannot take. Proved elsewhere: every string of every packet:
 * test/protocol/malformed.test.ts and test/protocol/clean-text.test.ts.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fenceOf } from '../../lambdas/broker/fence';
import { DynamoSessionStore } from '../../lambdas/storage/sessions';
import { DynamoTopicIndex } from '../../lambdas/storage/topic-index';
import { tablePrefix } from '../../local/lambda/environment';
import { apiOf } from '../api/support';
import { connectPacket } from '../support/client5';
import { hashingOnce } from '../support/guarded-broker';
import { leftoversIn } from '../support/table-walk';
import { Battlefield, login } from './battlefield';

/** SQS takes no body with U+FFFF; the others are noncharacters or control characters that it takes. */
const hostileIds = ['\uffff', 'a\ufffe', '\ufdd0', 'a\u{1ffff}', 'a\u0001', 'a\n', '\u007f', '\u0085'];
const malformed = 0x81;

describe('a client whose strings no queue takes', () => {
  let field: Battlefield;

  beforeAll(async () => {
    const options = { ...hashingOnce, settings: { inlineRecipients: 1 } };
    field = await Battlefield.start({ rules: [{ actions: ['all'], topics: ['#'] }] }, options);
    await field.addDevice('device');
    const second = await field.enter('calm', 'calm-second', { keepalive: 540 }); // now the audience of the pair is a large one
    await second.subscribe({ topic: 'calm/+', qos: 0 });
  });

  afterAll(() => field.stop());

  it.each(hostileIds.map((id) => [JSON.stringify(id), id]))('is refused with client id %s', async (_, id) => {
    await field.endure(1, async () => {
      const [client] = await field.strangers(1);
      client!.send(connectPacket(id, { ...login('device'), properties: { sessionExpiryInterval: 3600 } }));
      expect((await client!.next('connack')).reasonCode).toBe(malformed);
      await client!.closed();
    });

    expect(await leftoversIn(field.cloud)).toEqual([]);
  });

  it('is refused with such a filter, and such a topic', async () => {
    for (const say of ['subscribe', 'publish'] as const) {
      const client = await field.enter('device', `says-${say}`);
      await field.endure(1, async () => {
        const packet = { subscribe: subscribeTo('calm/\uffff'), publish: publishTo('calm/\uffff') }[say];
        client.send(packet);
        expect((await client.next('disconnect')).reasonCode).toBe(malformed);
        await client.closed();
      });
    }
    expect(await leftoversIn(field.cloud)).toEqual([]);
  });

  it('harms nobody with a session that an earlier release has kept, and the API lists and removes it', async () => {
    const id = 'kept-\uffff';
    await keepSession(field, id);

    await field.endure(1, async () => undefined);
    const api = apiOf(field.cloud);
    const listed = [];
    for await (const { clientId } of api.clients()) listed.push(clientId);
    expect(listed).toContain(id);
    expect((await api.client(id)).subscriptions).toMatchObject([{ filter: 'calm/+' }]);
    await api.disconnect(id, { session: 'remove' });
    await field.cloud.settled();

    expect(await leftoversIn(field.cloud)).toEqual([]);
  });
});

function subscribeTo(topic: string) {
  return { cmd: 'subscribe' as const, messageId: 1, subscriptions: [{ topic, qos: 1 as const }] };
}

function publishTo(topic: string) {
  return { cmd: 'publish', topic, payload: 'x', qos: 0, dup: false, retain: false } as const;
}

/** The rows of a session whose client is away and has subscribed to what the calm pair says. */
async function keepSession({ cloud }: Battlefield, clientId: string): Promise<void> {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const db = new DynamoDBClient({ endpoint: cloud.endpoints.dynamodb, region: 'us-east-1', credentials });
  const sessions = new DynamoSessionStore(db, `${tablePrefix}sessions`);
  const index = new DynamoTopicIndex(db, `${tablePrefix}topicIndex`);
  const connectionId = 'long-gone=';
  const fence = fenceOf(cloud.clock.now() - 60_000, connectionId);
  const identity = { kind: 'anonymous' } as const;
  const claim = {
    clientId,
    connectionId,
    fence,
    cleanStart: true,
    persistent: true,
    version: 4,
    capabilities: {},
  } as const;
  await sessions.claimFresh({ ...claim, identity });
  await sessions.putSubscriptions(fence, ['calm/+']);
  await index.put({ filter: 'calm/+', clientId, session: fence, qos: 1 });
  await index.touch('L+');
  await sessions.disown(clientId, fence);
  db.destroy();
}
