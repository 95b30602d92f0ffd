/** A worker dies at any call of a turn. After all clients have left and all timeouts have passed, no table has a row without an owner. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Packet } from 'mqtt-packet';
import { eventAttempts } from '../../lambdas/deployment';
import type { CallFault } from '../../local/fault-rules';
import { apiOf } from '../api/support';
import { Broker5 } from '../support/broker5';
import { type Client5, connectPacket, publishPacket, subscription } from '../support/client5';
import { leftoversIn } from '../support/table-walk';

/** Maximum calls in one life of a client; the test fails if there are more. */
const mostCalls = 150;

/** The test tries every n-th call, starting at one that depends on the seed; `LEFTOVERS_STRIDE=1` tries all calls. */
const stride = Number(process.env.LEFTOVERS_STRIDE ?? 8);
const firstCall = Number(process.env.STORM_SEED ?? 7) % stride;

const filters = (clientId: string) => [`to/${clientId}`, 'said/+', `$share/group/shared/${clientId}`];

function subscribePacket(clientId: string): Packet {
  const subscriptions = filters(clientId).map((topic) => subscription({ topic, qos: 2 }));
  return { cmd: 'subscribe', messageId: 9, subscriptions } as Packet;
}

const will = (clientId: string, willDelayInterval = 0) =>
  ({
    topic: `will/${clientId}`,
    payload: Buffer.from('gone'),
    qos: 1,
    retain: false,
    properties: { willDelayInterval },
  }) as const;

/** Packets of a client before it disappears. `say` sends like `send`, but the connection may be closed. */
type Life = (broker: Broker5, clientId: string) => Promise<void>;

async function say(broker: Broker5, ...packets: readonly Packet[]): Promise<Client5> {
  const client = await broker.open();
  client.send(...packets);
  await broker.cloud.settled();
  return client;
}

async function vanish(broker: Broker5, client: Client5): Promise<void> {
  client.line.socket.terminate();
  await broker.cloud.settled();
}

const expiring = { properties: { sessionExpiryInterval: 60 } };

const lives: Readonly<Record<string, Life>> = {
  'a connection in one frame': async (broker, clientId) => {
    const client = await say(
      broker,
      connectPacket(clientId, { ...expiring, will: will(clientId) }),
      subscribePacket(clientId),
      { cmd: 'disconnect', reasonCode: 0 },
    );
    await vanish(broker, client);
  },
  'a clean session': async (broker, clientId) => {
    const client = await say(broker, connectPacket(clientId));
    await sayOn(broker, client, subscribePacket(clientId));
    await sayOn(broker, client, { cmd: 'unsubscribe', messageId: 3, unsubscriptions: ['said/+'] });
    await vanish(broker, client);
  },
  'a session that expires': async (broker, clientId) => {
    const client = await say(broker, connectPacket(clientId, { ...expiring, will: will(clientId, 20) }));
    await sayOn(broker, client, subscribePacket(clientId));
    await sayOn(broker, client, publishPacket(`to/${clientId}`, 'to itself', { qos: 2, messageId: 1 }));
    await vanish(broker, client);
  },
  'a session whose expiry is lowered': async (broker, clientId) => {
    const client = await say(broker, connectPacket(clientId, { properties: { sessionExpiryInterval: 0xffff_ffff } }));
    await sayOn(broker, client, subscribePacket(clientId));
    await sayOn(broker, client, { cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 1 } });
    await vanish(broker, client);
  },
  'a session whose expiry is lowered to nothing': async (broker, clientId) => {
    const client = await say(broker, connectPacket(clientId, { properties: { sessionExpiryInterval: 0xffff_ffff } }));
    await sayOn(broker, client, subscribePacket(clientId));
    await sayOn(broker, client, { cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
    await vanish(broker, client);
  },
  'messages on their way': async (broker, clientId) => {
    const client = await say(broker, connectPacket(clientId), subscribePacket(clientId));
    const messages = [1, 2].flatMap((qos) => [
      publishPacket(`to/${clientId}`, 'to itself', { qos: qos as 1 | 2, messageId: 2 * qos }),
      publishPacket(`shared/${clientId}`, 'to the group', { qos: qos as 1 | 2, messageId: 2 * qos + 1 }),
    ]);
    await sayOn(broker, client, ...messages);
    await sayOn(broker, client, { cmd: 'pubrel', messageId: 4 });
    await vanish(broker, client);
  },
  'a message from a backend': async (broker, clientId) => {
    const client = await say(broker, connectPacket(clientId));
    const message = { topic: 'a', payload: 'for you', qos: 1 } as const;
    await apiOf(broker.cloud)
      .sendToClient(clientId, message)
      .catch(() => undefined); // the row does not exist
    await vanish(broker, client);
  },
  'a session that is replaced': async (broker, clientId) => {
    const first = await say(broker, connectPacket(clientId, expiring), subscribePacket(clientId));
    await vanish(broker, first);
    const second = await say(broker, connectPacket(clientId), subscribePacket(clientId));
    await vanish(broker, second);
  },
  'a takeover': async (broker, clientId) => {
    const first = await say(broker, connectPacket(clientId, { ...expiring, will: will(clientId) }));
    await sayOn(broker, first, subscribePacket(clientId));
    const second = await say(broker, connectPacket(clientId, { ...expiring, will: will(clientId) }));
    await vanish(broker, second);
    await vanish(broker, first);
  },
  'a takeover that is given up': async (broker, clientId) => {
    const first = await say(broker, connectPacket(clientId, { ...expiring, will: will(clientId, 30) }));
    await sayOn(broker, first, subscribePacket(clientId));
    const second = await broker.open();
    second.send(connectPacket(clientId, { will: will(clientId) }));
    second.line.socket.terminate();
    await vanish(broker, first);
  },
  'a session that a backend removes': async (broker, clientId) => {
    const client = await say(broker, connectPacket(clientId, { properties: { sessionExpiryInterval: 0xffff_ffff } }));
    await sayOn(broker, client, subscribePacket(clientId));
    await vanish(broker, client);
    await remove(broker, clientId);
  },
  'a connection that a backend ends': async (broker, clientId) => {
    const client = await say(broker, connectPacket(clientId, { properties: { sessionExpiryInterval: 0xffff_ffff } }));
    await sayOn(broker, client, subscribePacket(clientId));
    await remove(broker, clientId);
    await vanish(broker, client);
    await remove(broker, clientId);
  },
};

async function sayOn(broker: Broker5, client: Client5, ...packets: readonly Packet[]): Promise<void> {
  if (client.closeCode === undefined) client.send(...packets);
  await broker.cloud.settled();
}

async function remove(broker: Broker5, clientId: string): Promise<void> {
  await apiOf(broker.cloud)
    .disconnect(clientId, { session: 'remove' })
    .catch(() => undefined); // it has been deleted already
  await broker.cloud.settled();
}

/** Attempts that die at the call: one, before or after the effect of the call; or all. */
const deaths: readonly [name: string, fault: Partial<CallFault>][] = [
  ['once before a call', { when: 'before', times: 1 }],
  ['once after a call', { when: 'after', times: 1 }],
  ['whenever it is tried', { when: 'before', times: eventAttempts }],
];

describe.each(Object.keys(lives))('the life of %s', (name) => {
  let broker: Broker5;

  beforeAll(async () => {
    broker = await Broker5.start({ visibilitySeconds: 0.05, containers: 1, verbose: false, log: () => undefined });
  });

  afterAll(() => broker.stop());

  it.each(deaths)(
    'leaves nothing behind when its worker dies %s',
    async (death, fault) => {
      const listener = await broker.connect('listener', { keepalive: 0 });
      await listener.subscribe(['said/+', 'will/+'].map((topic) => ({ topic, qos: 1 as const })));
      let calls = firstCall;
      for (; calls <= mostCalls; calls += stride) {
        const kill: CallFault = { fault: 'call', outcome: 'kill', function: 'onPackets', skip: calls, ...fault };
        await broker.cloud.faults.set(kill);
        await lives[name]!(broker, `${name}-${death}-${calls}`.replaceAll(' ', '-'));
        const struck = broker.cloud.faults.struck(kill);
        await broker.cloud.faults.clear();
        if (struck === 0) break;
      }
      await broker.pass(3 * 3600);

      expect(calls).toBeLessThanOrEqual(mostCalls);
      expect(await leftoversIn(broker.cloud)).toEqual([]);
    },
    300_000,
  );
});
