import { describe, expect, it } from '@jest/globals';
import mqtt, { type IConnectPacket, type Packet } from 'mqtt-packet';
import { readConnect, withKeepAlive } from '../../../clients/adapter/connect-packet';
import { InFlight } from '../../../clients/adapter/in-flight';
import { PacketSplitter } from '../../../clients/adapter/packet-splitter';
import { isAccepting, serverKeepAliveOf } from '../../../clients/adapter/packets';

const generate = (packet: Packet, protocolVersion = 4) => mqtt.generate(packet, { protocolVersion });
const publish = (messageId: number, qos: 0 | 1 | 2, size = 1) =>
  generate({ cmd: 'publish', topic: 'a/b', payload: Buffer.alloc(size), qos, messageId, dup: false, retain: false });

describe('a stream of packets', () => {
  const packets = [
    publish(1, 1),
    publish(2, 1, 20_000),
    generate({ cmd: 'pingreq' }),
    publish(3, 0, 200),
    publish(4, 2, 0),
  ];
  const stream = Buffer.concat(packets);

  it.each([1, 2, 3, 7, 100, 19_999, 50_000])('is cut into them however it arrives, %i bytes at a time', (size) => {
    const splitter = new PacketSplitter(98_304);
    const found: Buffer[] = [];
    for (let at = 0; at < stream.length; at += size) {
      for (const packet of splitter.split(Buffer.from(stream.subarray(at, at + size)))) found.push(Buffer.from(packet));
    }

    expect(found).toEqual(packets);
    expect(splitter.isInsidePacket).toBe(false);
  });

  it('is inside a packet from its first byte to its last', () => {
    const splitter = new PacketSplitter(100);
    const inside = [...publish(1, 1)].map((byte) => {
      for (const _packet of splitter.split(Buffer.from([byte])));
      return splitter.isInsidePacket;
    });

    expect(inside.lastIndexOf(true)).toBe(inside.length - 2);
    expect(inside.indexOf(false)).toBe(inside.length - 1);
  });

  it('is refused at the header of a packet over the limit, and of one whose length does not end', () => {
    expect(() => [...new PacketSplitter(100).split(Buffer.from('3063', 'hex'))]).toThrow(
      'a packet of 101 bytes is over the limit of 100',
    );
    expect(() => [...new PacketSplitter(100).split(Buffer.from('30ffffffff', 'hex'))]).toThrow(
      'malformed remaining length',
    );
  });
});

const will = { topic: 'w', payload: Buffer.from('gone'), qos: 1 as const, retain: true };
const credentials = { username: 'ann', password: Buffer.from('sesame') };
const connect = (options: Partial<IConnectPacket>) =>
  generate({ cmd: 'connect', clientId: 'käse', clean: true, keepalive: 60, ...options } as IConnectPacket);

describe('CONNECT', () => {
  it.each([
    [
      { protocolId: 'MQIsdp', protocolVersion: 3 },
      { version: 3, hasWill: false },
    ],
    [
      { protocolVersion: 4, will, ...credentials },
      { version: 4, hasWill: true },
    ],
    [
      { protocolVersion: 5, properties: { sessionExpiryInterval: 300 } },
      { version: 5, hasWill: false },
    ],
    [
      { protocolVersion: 5, will: { ...will, properties: { willDelayInterval: 7 } }, ...credentials },
      { version: 5, hasWill: true },
    ],
  ] as [Partial<IConnectPacket>, object][])('is read in every version, %#', (options, expected) => {
    const packet = readConnect(connect(options));

    expect(packet).toMatchObject({ clientId: 'käse', keepAlive: 60, ...expected });
  });

  it.each([
    ['another password', { ...credentials, password: Buffer.from('other') }],
    ['another user', { ...credentials, username: 'bob' }],
    ['an empty password', { ...credentials, password: Buffer.alloc(0) }],
    ['no password', { username: credentials.username }],
    ['neither', {}],
  ])('has other credentials with %s', (_what, others) => {
    const own = readConnect(connect({ protocolVersion: 5, ...credentials }))!.credentials;

    expect(readConnect(connect({ protocolVersion: 5, will, ...credentials }))!.credentials).toBe(own);
    expect(readConnect(connect({ protocolVersion: 5, ...others }))!.credentials).not.toBe(own);
  });

  it.each([4, 5] as const)(
    'keeps all but its keep-alive when that is changed, in protocol level %i',
    (protocolVersion) => {
      const bytes = connect({ protocolVersion, will, ...credentials });

      const changed = withKeepAlive(readConnect(bytes)!, 540);

      expect(changed).toEqual(connect({ protocolVersion, will, ...credentials, keepalive: 540 }));
    },
  );

  it('of a bridge of Mosquitto is read like any other', () => {
    const bytes = connect({ protocolVersion: 4 });
    bytes[8]! |= 0x80; // Protocol level.

    expect(readConnect(bytes)).toMatchObject({ version: 4, clientId: 'käse' });
  });

  it('that ends too soon, or of another protocol, is left to the broker', () => {
    const whole = connect({ protocolVersion: 5, will, ...credentials });
    const shortest = whole.indexOf('gone') + 3;

    for (let length = 2; length < shortest; length++) expect(readConnect(whole.subarray(0, length))).toBeUndefined();
    expect(readConnect(Buffer.from('100d00044d5154540602003c000161', 'hex'))).toBeUndefined();
    expect(readConnect(Buffer.from('100d00044854545004020000000161', 'hex'))).toBeUndefined();
  });
});

describe('CONNACK', () => {
  const reasonString = 'x'.repeat(200); // The Remaining Length takes two bytes.

  it.each([
    ['3.1.1', Buffer.from('20020100', 'hex'), true],
    ['3.1.1, refusing', Buffer.from('20020005', 'hex'), false],
    ['5.0', generate({ cmd: 'connack', reasonCode: 0, sessionPresent: true, properties: { reasonString } }, 5), true],
    [
      '5.0, refusing',
      generate({ cmd: 'connack', reasonCode: 0x87, sessionPresent: false, properties: { reasonString } }, 5),
      false,
    ],
  ])('of %s says whether the client is let in, however long it is', (_version, connack, isLetIn) => {
    expect(isAccepting(connack)).toBe(isLetIn);
  });
});

describe('the Server Keep Alive', () => {
  it.each([
    [{ serverKeepAlive: 30 }, 30],
    [{ userProperties: { a: 'b' }, assignedClientIdentifier: 'x', receiveMaximum: 7, serverKeepAlive: 77 }, 77],
    [{ maximumPacketSize: 98_304, topicAliasMaximum: 19, wildcardSubscriptionAvailable: true }, undefined],
    [{}, undefined],
  ])('is found among %j', (properties, seconds) => {
    const connack = generate({ cmd: 'connack', reasonCode: 0, sessionPresent: false, properties }, 5);

    expect(serverKeepAliveOf(connack)).toBe(seconds);
  });
});

describe('what is in flight', () => {
  const ack = (cmd: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp' | 'unsuback', messageId: number) =>
    generate({ cmd, messageId } as Packet);

  it.each([
    ['QoS 1', publish(1, 1), [ack('puback', 1)]],
    ['QoS 2', publish(1, 2), [ack('pubrec', 1), ack('pubcomp', 1)]],
    ['a refused QoS 2 message', publish(1, 2), [Buffer.from('5003000187', 'hex')]],
    [
      'SUBSCRIBE',
      generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] }),
      [generate({ cmd: 'suback', messageId: 1, granted: [0] })],
    ],
    ['UNSUBSCRIBE', generate({ cmd: 'unsubscribe', messageId: 1, unsubscriptions: ['a'] }), [ack('unsuback', 1)]],
  ])('is %s until its last answer', (_what, first, answers) => {
    const inFlight = new InFlight();
    inFlight.fromClient(first);

    const counts = answers.map((answer) => {
      const before = inFlight.count;
      inFlight.fromBroker(answer);
      return before;
    });

    expect(counts).toEqual(answers.map(() => 1));
    expect(inFlight.count).toBe(0);
  });

  it('has the packet ids of either side apart', () => {
    const inFlight = new InFlight();
    inFlight.fromClient(publish(1, 1));
    inFlight.fromBroker(publish(1, 1));

    inFlight.fromClient(ack('puback', 1));

    expect(inFlight.count).toBe(1);
  });

  it('is no message of QoS 0', () => {
    const inFlight = new InFlight();
    inFlight.fromBroker(publish(1, 0));

    expect(inFlight.count).toBe(0);
  });
});
