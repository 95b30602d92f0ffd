import { describe, expect, it } from '@jest/globals';
import { aliasable, aliasBytes, ConnectionAliases, withAliases } from '../../../lambdas/broker/outbound/topic-aliases';
import { decode } from '../../../lambdas/protocol/codec/decode';
import { encode } from '../../../lambdas/protocol/codec/encode';
import type { ClientCapabilities } from '../../../lambdas/protocol/effects';
import type { PublishPacket } from '../../../lambdas/protocol/packets';
import { clause } from '../../support/clause';
import { publish } from '../../support/packets';
import { Random } from '../../support/random';

/** A packet for a client with these limits. */
function encodedPacket(packet: PublishPacket, capabilities: ClientCapabilities) {
  const bytes = encode(packet, 5);
  return { bytes, aliasable: aliasable(packet, bytes, capabilities) };
}

function encodedPackets(topics: readonly string[], topicAliasMaximum: number) {
  return topics.map((topic) => encodedPacket(publish({ topic }), { topicAliasMaximum }));
}

/** A client that stores the topic of each alias. */
class Client {
  /** Every alias that it got. */
  readonly aliasesSeen: number[] = [];
  private readonly aliases = new Map<number, string>();

  /** Returns the topic of a packet on the wire, and the topic that it stands for. */
  read(bytes: Buffer): { sent: string; meant: string | undefined } {
    const packet = decode(bytes, 5);
    if (packet.cmd !== 'publish') throw new Error(`${packet.cmd} is no PUBLISH`);
    const { topic, properties } = packet;
    const alias = properties?.topicAlias;
    if (alias !== undefined) this.aliasesSeen.push(alias);
    if (alias !== undefined && topic !== '') this.aliases.set(alias, topic);
    return { sent: topic, meant: topic === '' && alias !== undefined ? this.aliases.get(alias) : topic };
  }
}

describe('a packet', () => {
  clause('MQTT-3.1.2-27', 'has no alias for a client without a Topic Alias Maximum', () => {
    const packet = publish({ topic: 'devices/lamp' });

    expect(aliasable(packet, encode(packet, 5), {})).toBeUndefined();
    expect(aliasable(packet, encode(packet, 5), { topicAliasMaximum: 0 })).toBeUndefined();
    expect(aliasable(packet, encode(packet, 5), { topicAliasMaximum: 1 })).toEqual({ packet, topicAliasMaximum: 1 });
  });

  clause('MQTT-3.1.2-24', 'has no alias that might make it too large for its client', () => {
    const packet = publish({ topic: 'devices/lamp' });
    const bytes = encode(packet, 5);
    const fits = (maximumPacketSize: number) => aliasable(packet, bytes, { topicAliasMaximum: 9, maximumPacketSize });

    expect(fits(bytes.length + aliasBytes)).toBeDefined();
    expect(fits(bytes.length + aliasBytes - 1)).toBeUndefined();
  });

  it('grows by no more than the reserved bytes', () => {
    for (const length of [0, 1, 110, 111, 112, 113, 114, 115, 116, 16_362, 16_366, 16_370, 65_000]) {
      for (const contentType of [
        undefined,
        '',
        'x'.repeat(120),
        'x'.repeat(122),
        'x'.repeat(125),
        'x'.repeat(16_380),
      ]) {
        const packet = publish({
          topic: 'devices/lamp',
          payload: Buffer.alloc(length),
          ...(contentType !== undefined && { properties: { contentType } }),
        });
        const whole = encodedPacket(packet, { topicAliasMaximum: 0xffff });

        const [first = whole.bytes] = withAliases([whole, whole]);

        expect(first.length).toBeGreaterThan(whole.bytes.length);
        expect(first.length).toBeLessThanOrEqual(whole.bytes.length + aliasBytes);
        expect(new ConnectionAliases().apply(whole).length).toBeLessThanOrEqual(whole.bytes.length + aliasBytes);
      }
    }
  });
});

describe('the packets of one post', () => {
  it('contain a repeated topic only once', () => {
    const client = new Client();
    const topics = ['devices/lamp', 'devices/door', 'devices/lamp', 'devices/lamp', 'devices/door'];

    const read = withAliases(encodedPackets(topics, 10)).map((bytes) => client.read(bytes));

    expect(read.map(({ sent }) => sent)).toEqual(['devices/lamp', 'devices/door', '', '', '']);
    expect(read.map(({ meant }) => meant)).toEqual(topics);
  });

  it('stay unchanged where each topic occurs once, or is too short to save bytes', () => {
    for (const topics of [['devices/lamp', 'devices/door'], ['a', 'a', 'a'], []]) {
      const whole = encodedPackets(topics, 10);

      expect(withAliases(whole)).toEqual(whole.map(({ bytes }) => bytes));
    }
  });

  it('keep everything but their topic', () => {
    const packet = publish({
      topic: 'devices/lamp',
      qos: 1,
      messageId: 7,
      dup: true,
      retain: true,
      properties: { contentType: 'x', userProperties: [['b', '1']] },
    });

    const [first, second] = withAliases([
      encodedPacket(packet, { topicAliasMaximum: 9 }),
      encodedPacket(packet, { topicAliasMaximum: 9 }),
    ]);

    const topicAlias = 9;
    expect(decode(first!, 5)).toEqual({ ...packet, properties: { ...packet.properties, topicAlias } });
    expect(decode(second!, 5)).toEqual({ ...packet, topic: '', properties: { ...packet.properties, topicAlias } });
  });

  it('leave packets unchanged that may have no alias', () => {
    const [whole] = encodedPackets(['devices/lamp'], 10);
    const plain = { bytes: whole!.bytes };

    expect(withAliases([plain, plain, whole!])).toEqual([plain.bytes, plain.bytes, whole!.bytes]);
  });
});

describe('the stream of a connection', () => {
  it('sends each topic once, as long as the connection lasts', () => {
    const client = new Client();
    const before = new ConnectionAliases();
    const sent = (own: ConnectionAliases, topics: string[]) =>
      encodedPackets(topics, 10).map((one) => client.read(own.apply(one)).sent);

    expect(sent(before, ['devices/lamp', 'devices/door', 'devices/lamp'])).toEqual([
      'devices/lamp',
      'devices/door',
      '',
    ]);
    expect(sent(new ConnectionAliases(before.all), ['devices/door', 'devices/lamp'])).toEqual(['', '']);
  });

  it('reports new aliases', () => {
    const own = new ConnectionAliases();
    const [lamp, short] = encodedPackets(['devices/lamp', 'a'], 10);
    own.apply(short!);
    own.apply({ bytes: lamp!.bytes });
    expect(own.isChanged).toBe(false);
    own.apply(lamp!);
    expect(own.isChanged).toBe(true);

    const later = new ConnectionAliases(own.all);
    later.apply(lamp!);
    expect(later.isChanged).toBe(false);
    expect(later.all).toEqual(own.all);
  });

  it('begins anew when a post may not have arrived', () => {
    const own = new ConnectionAliases(new Map([['devices/lamp', 1]]));
    own.forget();

    expect(own.isChanged).toBe(true);
    expect(own.all.size).toBe(0);
    const [lamp] = encodedPackets(['devices/lamp'], 10);
    expect(new Client().read(own.apply(lamp!))).toEqual({ sent: 'devices/lamp', meant: 'devices/lamp' });
  });

  it('does not change the aliases that it was given', () => {
    const remembered = new Map<string, number>();
    const [lamp] = encodedPackets(['devices/lamp'], 10);
    new ConnectionAliases(remembered).apply(lamp!);

    expect(remembered.size).toBe(0);
  });
});

describe('aliases', () => {
  clause(
    ['MQTT-3.1.2-26', 'MQTT-3.3.2-8', 'MQTT-3.3.2-11'],
    'are from 1 to the maximum of the client, and have one meaning whichever worker posts',
    () => {
      const random = new Random(5);
      for (const topicAliasMaximum of [1, 2, 3, 7, 31, 32, 33, 40, 65_535]) {
        const client = new Client();
        let remembered = new ConnectionAliases().all;
        let saved = 0;
        for (let post = 0; post < 60; post++) {
          const topics = Array.from({ length: 1 + random.below(30) }, () => `devices/lamp/${random.below(60)}`);
          const whole = encodedPackets(topics, topicAliasMaximum);
          const isOwn = random.below(2) === 0;
          const own = new ConnectionAliases(remembered);
          if (random.below(10) === 0) own.forget(); // an earlier post of the turn has failed
          const packets = isOwn ? whole.map((one) => own.apply(one)) : withAliases(whole);

          const read = packets.map((bytes) => client.read(bytes));

          expect(read.map(({ meant }) => meant)).toEqual(topics);
          saved += read.filter(({ sent }) => sent === '').length;
          if (random.below(5) > 0) remembered = own.all; // or the worker dies before its commit
        }
        expect(saved).toBeGreaterThan(0);
        expect(client.aliasesSeen.filter((alias) => alias < 1 || alias > topicAliasMaximum)).toEqual([]);
      }
    },
  );
});
