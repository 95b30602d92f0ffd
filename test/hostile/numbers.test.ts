// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of rules are written so
/*
 * What one account may leave behind: each kind of thing has a number by default or by option, each number an answer that the client
 * understands, a line in the log and a place in the metrics.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Packet } from 'mqtt-packet';
import mqtt from 'mqtt-packet';
import { connectPacket, publishPacket } from '../support/client5';
import { hashingOnce } from '../support/guarded-broker';
import type { TextClient } from '../support/text-client';
import { above, Battlefield, login } from './battlefield';

const rules = [{ name: 'own topics', actions: ['all'], topics: ['own/${clientId}/#'] }];

const quotaExceeded = 0x97;
const receiveMaximumExceeded = 0x93;

/** Builds QoS 2 messages that the client never releases. */
const unreleased = (messageId: number, dup = false): Packet => ({
  ...{ cmd: 'publish', topic: 'own/hoarder/a', payload: 'x', qos: 2, messageId, dup, retain: false },
});

function range(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}

describe('a compromised device', () => {
  let field: Battlefield;
  const settings = { maxSubscriptions: 20, maxShareGroups: 5, maxSessionsPerUser: 3, maxUnreleased: 50 };

  beforeAll(async () => {
    field = await Battlefield.start({ rules }, { ...hashingOnce, settings });
    await field.addDevice('device');
    await field.addDevice('victim');
  });

  afterAll(() => field.stop());

  const older = (clientId: string, fields = {}) =>
    field.guarded.older.connect(clientId, { keepalive: 540, ...login('device'), ...fields });

  /** Sends packets in sequence, each after the broker has handled the previous one, until the connection is closed. */
  async function sendUntilClosed(client: TextClient, packets: readonly Packet[]): Promise<number> {
    let sent = 0;
    for (const packet of packets) {
      client.send(packet);
      await field.cloud.settled();
      if (client.closeCode !== undefined) return sent;
      sent += 1;
    }
    return sent;
  }

  describe('that never releases its QoS 2 messages', () => {
    it('is closed in MQTT 3.1.1 too, and stores no more after it has reconnected', async () => {
      await field.endure(1, async () => {
        const first = await older('hoarder', { clean: false });
        expect(
          await sendUntilClosed(
            first,
            range(1, 60).map((id) => unreleased(id)),
          ),
        ).toBe(50);
        const second = await older('hoarder', { clean: false });
        // The same messages again are no more than before; PUBREL for what is not held releases nothing.
        second.send(...range(1, 50).map((id) => unreleased(id, true)));
        second.send(...range(100, 50).map((messageId): Packet => ({ cmd: 'pubrel', messageId })));
        await field.cloud.settled();
        expect(second.closeCode).toBeUndefined();
        second.send(unreleased(200));
        await second.closed();
      });
      const third = await older('hoarder', { clean: false });
      third.send({ cmd: 'pubrel', messageId: 1 });
      await third.next('pubcomp');
      third.send(unreleased(300));

      expect((await third.next('pubrec')).messageId).toBe(300);
      third.send({ cmd: 'disconnect' });
      await field.cloud.settled();
      const clean = await older('hoarder');
      clean.send(...range(1, 50).map((id) => unreleased(id)));
      await field.cloud.settled();
      expect(clean.closeCode).toBeUndefined();
      clean.send({ cmd: 'disconnect' });
      await clean.closed();
      expect(await field.guarded.stored()).not.toContain('own/hoarder');
    });

    it('gets Receive Maximum in MQTT 5.0, and is closed with 0x93', async () => {
      const client = await field.enter('device', 'hoarder5');

      expect(client.connack?.properties?.receiveMaximum).toBe(50);
      client.send(...range(1, 51).map((messageId) => publishPacket('own/hoarder5/a', 'x', { qos: 2, messageId })));
      expect(await client.farewell()).toMatchObject({ reasonCode: receiveMaximumExceeded });
      expect(field.guarded.logged('limit').at(-1)).toMatchObject({
        ...{ limit: 'unreleased messages', allowed: 50, username: 'device', clientId: 'hoarder5' },
      });
    });
  });

  describe('that splits its packets', () => {
    const payload = Buffer.alloc(96_000, 'x');
    const large = (topic: string) =>
      mqtt.generate({ cmd: 'publish', topic, payload, qos: 1, messageId: 1, dup: false, retain: false });

    /** Sends slices, each after the broker has stored the previous one. */
    async function sendSlices(client: TextClient, bytes: Buffer, size: number): Promise<number> {
      let frames = 0;
      for (let start = 0; start < bytes.length && client.closeCode === undefined; start += size) {
        client.sendBytes(bytes.subarray(start, start + size));
        await field.cloud.settled();
        frames += 1;
      }
      return frames;
    }

    it.each([24_000, 4096, 2048])('into slices of %i bytes is served', async (size) => {
      const client = await older('slices');
      await sendSlices(client, large('own/slices/a'), size);

      expect((await client.next('puback')).messageId).toBe(1);
      client.send({ cmd: 'disconnect' });
      await client.closed();
    });

    it('into slices of one byte after a long first part is closed before they cost much', async () => {
      const client = await older('slivers');
      const next = await older('more-slivers');
      let [slivers, more] = [0, 0];
      const toll = await field.endure(1, async () => {
        const packet = large('own/slivers/a');
        await sendSlices(client, packet.subarray(0, 90_000), 24_000);
        slivers = await sendSlices(client, packet.subarray(90_000, 90_500), 1);
        await sendSlices(next, packet.subarray(0, 90_000), 24_000); // another connection of the same user
        more = await sendSlices(next, packet.subarray(90_000, 90_500), 1);
      });

      expect(slivers).toBeLessThan(60);
      expect(more).toBeLessThan(20);
      expect(above(toll, { writes: 5000 })).toEqual({});
    });

    it('and sends its frames in the wrong order is closed before they cost much', async () => {
      const client = await older('early');
      let frames = 0;
      const toll = await field.endure(1, async () => {
        for (let number = 3; number < 259 && client.closeCode === undefined; number++, frames++) {
          client.sendText(`${number}.${Buffer.alloc(380).toString('base64')}`);
          await field.cloud.settled();
        }
      });

      expect(frames).toBeLessThan(250);
      expect(above(toll, { writes: 5500 })).toEqual({});
    });
  });

  describe('that subscribes to more filters than a session may have', () => {
    const filters = (count: number, prefix = '') => range(0, count).map((index) => `${prefix}own/many/${index}`);

    it('gets 0x97 for further filters, even after it has unsubscribed and subscribed again', async () => {
      const client = await field.enter('device', 'many');
      const codes = await client.subscribe(filters(25));

      expect(codes.filter((code) => code === quotaExceeded)).toHaveLength(5);
      expect(await client.subscribe(filters(20))).not.toContain(quotaExceeded);
      await client.unsubscribe('own/many/0');
      expect(await client.subscribe('own/many/24')).toEqual([2]);
      expect(await client.subscribe('own/many/0')).toEqual([quotaExceeded]);
      expect(field.guarded.logged('limit').at(-1)).toMatchObject({
        ...{ limit: 'subscriptions of a session', allowed: 20, username: 'device', clientId: 'many' },
      });
      await client.disconnect();
    });

    it('gets it earlier for shared subscriptions', async () => {
      const client = await field.enter('device', 'many');

      expect(await client.subscribe(range(0, 7).map((index) => `$share/${index}/own/many/a`))).toEqual([
        ...[2, 2, 2, 2, 2],
        ...[quotaExceeded, quotaExceeded],
      ]);
      expect(await client.subscribe(filters(15))).not.toContain(quotaExceeded);
      await client.disconnect();
    });

    it('gets 0x80 in MQTT 3.1.1, also after it has reconnected', async () => {
      const first = await older('many', { clean: false });
      expect(await first.subscribe(1, ...filters(21))).toEqual([...range(0, 20).map(() => 1), 0x80]);
      await field.guarded.older.lose(first);
      const second = await older('many', { clean: false });

      expect(await second.subscribe(1, 'own/many/more', 'own/many/1')).toEqual([0x80, 1]);
      second.send({ cmd: 'disconnect' });
      await (await older('many')).subscribe(1, 'own/many/a');
    });
  });

  describe('that abandons sessions', () => {
    const stays = { clean: false, properties: { sessionExpiryInterval: 3600 } };

    const connack = async (clientId: string) => {
      const [client] = await field.strangers(1);
      client!.send(connectPacket(clientId, { ...login('device'), ...stays }));
      const { reasonCode } = await client!.next('connack');
      if (reasonCode === 0) await client!.disconnect();
      await field.cloud.settled();
      return reasonCode;
    };

    it('may have the maximum of a user; nobody else is refused', async () => {
      expect(await Promise.all(['s1', 's2', 's3'].map(connack))).toEqual([0, 0, 0]);
      const toll = await field.endure(10, async () => {
        for (const index of range(0, 10)) expect(await connack(`more-${index}`)).toBe(quotaExceeded);
      });

      expect(above(toll, { writes: 5, reads: 12, posts: 1 })).toEqual({});
      expect(await connack('s2')).toBe(0);
      const client = await field.enter('device', 'short');
      await client.disconnect();
      const neighbour = await field.enter('victim', 'neighbour', stays);
      expect(neighbour.connack?.reasonCode).toBe(0);
      expect(await field.guarded.stored()).not.toContain('more-');
    });

    it('gets return code 3 in MQTT 3.1.1', async () => {
      const client = await field.guarded.older.open();
      client.send({ cmd: 'connect', clientId: 'one-more', clean: false, keepalive: 60, ...login('device') } as Packet);

      expect((await client.next('connack')).returnCode).toBe(3);
    });

    it('may create another one when one has ended', async () => {
      const client = await field.enter('device', 's1'); // a clean start with a session that ends with its connection
      await client.disconnect();
      await field.cloud.settled();

      expect(await connack('s4')).toBe(0);
      expect(await connack('s5')).toBe(quotaExceeded);
    });
  });
});

describe('a session of MQTT 3.1.1', () => {
  it('ends seven days after its client has disconnected, and leaves no row', async () => {
    const field = await Battlefield.start({ rules }, hashingOnce);
    await field.addDevice('device');
    const enter = () => field.guarded.older.connect('away', { clean: false, keepalive: 540, ...login('device') });
    const client = await enter();
    await client.subscribe(1, 'own/away/a');
    await field.guarded.older.lose(client);
    await field.guarded.broker.pass(60);
    const again = await enter();
    expect(again.connack?.sessionPresent).toBe(true);
    await field.guarded.older.lose(again);
    field.cloud.clock.jump(7 * 24 * 3600 * 1000 - 30_000);
    await field.guarded.broker.pass(120);

    expect(await field.guarded.stored()).not.toContain('away');
    await field.stop();
  });
});

describe('a publish rate', () => {
  let field: Battlefield;

  beforeAll(async () => {
    field = await Battlefield.start({ rules }, { ...hashingOnce, settings: { maxPublishRate: 10 } });
    await field.addDevice('device');
  });

  afterAll(() => field.stop());

  /** Publishes until the connection is closed; returns the number of accepted messages. */
  async function flood(clientId: string): Promise<number> {
    const client = await field.enter('device', clientId);
    for (let count = 0; ; count++) {
      const codes = Promise.all([client.publish(`own/${clientId}/a`, 'x', { qos: 1 })]);
      if ((await codes.catch(() => undefined)) === undefined || client.closeCode !== undefined) return count;
      if (count > 150) return count;
    }
  }

  it('applies to the next connection of the user too, with any client id', async () => {
    await field.elapse(60);
    const first = await flood('flood-1');
    const second = await flood('flood-2');

    expect(first).toBeGreaterThanOrEqual(100);
    expect(second).toBeLessThan(50);
    await field.elapse(60);
    expect(await flood('flood-3')).toBeGreaterThanOrEqual(100);
  });

  it('counts wills: one above it is not published', async () => {
    await field.elapse(60);
    const heir = await field.enter('device', 'heir');
    await heir.subscribe({ topic: 'own/heir/#', qos: 1 });
    const will = (clientId: string) =>
      ({ topic: `own/${clientId}/will`, payload: Buffer.from('gone'), qos: 1 }) as const;
    field.cloud.clock.hold(); // the rate limit allows more as time passes
    await flood('heirless');
    const last = await field.enter('device', 'last', { will: { ...will('last'), retain: false } });
    await last.publish('own/last/a', 'x', { qos: 1 }).catch(() => undefined);
    await field.guarded.broker.lose(last);

    expect(field.guarded.logged('limit').at(-1)).toMatchObject({ limit: 'publish rate, by a will', clientId: 'last' });
    await heir.disconnect();
  });
});
