import { describe, expect, it } from '@jest/globals';
import { generate, type Packet, parser } from 'mqtt-packet';
import { LocalPing } from '../../clients/local-ping';
import { PINGRESP } from '../../clients/packet-fields';

const seconds = (count: number) => count * 1_000;
const bytesOf = (packet: Packet, protocolVersion: 4 | 5 = 4) => Uint8Array.from(generate(packet, { protocolVersion }));
const hexOf = (parts: Uint8Array[]) => Buffer.concat(parts).toString('hex');
const pingreq = Uint8Array.of(0xc0, 0);

function connect(keepalive: number, protocolVersion: 3 | 4 | 5 = 4): Uint8Array {
  const protocolId = protocolVersion === 3 ? 'MQIsdp' : 'MQTT';
  return bytesOf({ cmd: 'connect', clientId: 'a', protocolId, protocolVersion, clean: true, keepalive } as Packet);
}

function connack(properties?: object): Uint8Array {
  const packet = { cmd: 'connack', reasonCode: 0, returnCode: 0, sessionPresent: false, properties } as Packet;
  return bytesOf(packet, properties ? 5 : 4);
}

/** All packets in the bytes. */
function read(bytes: Uint8Array | Uint8Array[], protocolVersion: 4 | 5 = 4) {
  const packets: Packet[] = [];
  const reader = parser({ protocolVersion });
  reader.on('packet', (packet) => packets.push(packet));
  for (const part of [bytes].flat()) reader.parse(Buffer.from(part));
  return packets;
}

/** A client that has connected at time 0. */
function connected(keepalive: number, upstream?: number): LocalPing {
  const pings = new LocalPing(upstream);
  pings.fromClient(connect(keepalive), 0);
  pings.fromServer(connack(), 0);
  return pings;
}

const answered = { upstream: [], pings: 1 };
const through = { upstream: [pingreq], pings: 0 };

describe('CONNECT towards the broker', () => {
  it.each([3, 4, 5] as const)('gets the raised keep-alive, in protocol version %i', (version) => {
    const pings = new LocalPing();

    const { upstream } = pings.fromClient(connect(60, version), 0);

    expect(upstream).toEqual([connect(540, version)]);
    expect(pings.keepAlive).toBe(60);
  });

  it.each([
    ['none', 0],
    ['one that leaves nothing to save', 217],
    ['one as long', 540],
  ])('keeps a keep-alive that is %s', (_what, keepAlive) => {
    const pings = new LocalPing();

    expect(pings.fromClient(connect(keepAlive), 0).upstream).toEqual([connect(keepAlive)]);
    pings.fromServer(connack(), 0);
    expect(pings.fromClient(pingreq, seconds(1))).toEqual(through);
  });

  it('may arrive byte by byte, together with the next packets, in reused memory', () => {
    const pings = new LocalPing();
    const upstream: Uint8Array[] = [];
    const memory = new Uint8Array(1);

    for (const byte of [...connect(60), ...bytesOf({ cmd: 'disconnect' })]) {
      memory[0] = byte;
      upstream.push(...pings.fromClient(memory, 0).upstream.map((part) => part.slice()));
    }

    expect(read(upstream)).toMatchObject([{ cmd: 'connect', keepalive: 540, clientId: 'a' }, { cmd: 'disconnect' }]);
  });

  it('is forwarded unchanged if it is malformed, like everything after it', () => {
    const broken = Uint8Array.of(0x10, 0x02, 0xff, 0xff);
    const pings = new LocalPing();

    expect(pings.fromClient(broken, 0)).toEqual({ upstream: [broken], pings: 0 });
    expect(pings.fromClient(pingreq, 1)).toEqual(through);
  });

  it('is not expected if another packet comes first', () => {
    expect(new LocalPing().fromClient(pingreq, 0)).toEqual(through);
  });
});

describe('PINGREQ', () => {
  it('is answered locally until the next one could be too late for the broker', () => {
    const pings = connected(60);

    for (let at = 60; at <= 420; at += 60) expect(pings.fromClient(pingreq, seconds(at))).toEqual(answered);
    expect(pings.fromClient(pingreq, seconds(480))).toEqual(through);
  });

  it('is answered locally again after the broker has answered', () => {
    const pings = connected(60);
    expect(pings.fromClient(pingreq, seconds(480))).toEqual(through);

    expect(pings.fromServer(PINGRESP, seconds(481))).toEqual(PINGRESP);

    expect(pings.fromClient(pingreq, seconds(540))).toEqual(answered);
  });

  it('is forwarded while a packet waits for its answer, so that the client detects a dead connection', () => {
    const pings = connected(60);
    const publish = bytesOf({
      cmd: 'publish',
      topic: 'a',
      payload: 'x',
      qos: 1,
      messageId: 7,
      dup: false,
      retain: false,
    });
    pings.fromClient(publish, seconds(10));

    expect(pings.fromClient(pingreq, seconds(70))).toEqual(through);
    expect(pings.fromClient(pingreq, seconds(130))).toEqual(through);
    pings.fromServer(bytesOf({ cmd: 'puback', messageId: 7 }), seconds(131));
    expect(pings.fromClient(pingreq, seconds(190))).toEqual(answered);
  });

  it('is forwarded after long silence of the broker, independently of the client', () => {
    const pings = connected(60);
    const publish = bytesOf({ cmd: 'publish', topic: 'a', payload: 'x', qos: 0, dup: false, retain: false });
    for (let at = 50; at <= 450; at += 50) pings.fromClient(publish, seconds(at));

    expect(pings.fromClient(pingreq, seconds(450))).toEqual(answered);
    expect(pings.fromClient(pingreq, seconds(451))).toEqual(through);
  });

  it('is answered locally after an acknowledgement, which has no answer', () => {
    const pings = connected(60);
    pings.fromClient(bytesOf({ cmd: 'puback', messageId: 7 }), seconds(10));

    expect(pings.fromClient(pingreq, seconds(60))).toEqual(answered);
  });

  it('is removed between other packets, in any chunks', () => {
    const publish = bytesOf({
      cmd: 'publish',
      topic: 'a',
      payload: Buffer.alloc(300, 0xc0),
      qos: 0,
      dup: false,
      retain: false,
    });
    const stream = Uint8Array.of(...pingreq, ...publish, ...pingreq, ...pingreq, ...publish);

    for (let cut = 0; cut <= stream.length; cut++) {
      const pings = connected(60);
      const outcomes = [stream.subarray(0, cut), stream.subarray(cut)].map((part) =>
        pings.fromClient(part, seconds(1)),
      );

      expect(hexOf(outcomes.flatMap(({ upstream }) => upstream))).toBe(hexOf([publish, publish]));
      expect(outcomes[0]!.pings + outcomes[1]!.pings).toBe(3);
    }
  });

  it('is not recognised after a malformed Remaining Length', () => {
    const malformed = Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0xff, 0x01);
    const pings = connected(60);

    expect(pings.fromClient(malformed, 0)).toEqual({ upstream: [malformed], pings: 0 });
    expect(pings.fromClient(pingreq, 0)).toEqual(through);
  });
});

describe('Server Keep Alive', () => {
  const properties = {
    sessionExpiryInterval: 10,
    receiveMaximum: 20,
    maximumPacketSize: 98_304,
    assignedClientIdentifier: 'x'.repeat(200),
    topicAliasMaximum: 10,
    reasonString: 'fine',
    userProperties: { colour: 'red' },
    wildcardSubscriptionAvailable: true,
  };

  it('is the limit upstream, and the client reads the value that it requested', () => {
    const pings = new LocalPing();
    pings.fromClient(connect(60, 5), 0);

    const told = pings.fromServer(connack({ ...properties, serverKeepAlive: 300 }), 0);

    expect(read(told, 5)).toMatchObject([{ cmd: 'connack', properties: { ...properties, serverKeepAlive: 60 } }]);
    expect(pings.fromClient(pingreq, seconds(210))).toEqual(answered);
    expect(pings.fromClient(pingreq, seconds(211))).toEqual(through);
  });

  it('below the value of the client also applies to the client', () => {
    const pings = new LocalPing();
    pings.fromClient(connect(60, 5), 0);

    const told = pings.fromServer(connack({ serverKeepAlive: 30 }), 0);

    expect(read(told, 5)).toMatchObject([{ properties: { serverKeepAlive: 30 } }]);
    expect(pings.keepAlive).toBe(30);
    expect(pings.fromClient(pingreq, seconds(30))).toEqual(through);
  });

  it('applies to a client that turned its keep-alive off', () => {
    const pings = new LocalPing();
    pings.fromClient(connect(0, 5), 0);
    pings.fromServer(connack({ serverKeepAlive: 540 }), 0);

    expect(pings.keepAlive).toBe(540);
    expect(pings.fromClient(pingreq, seconds(500))).toEqual(through);
  });

  it('is optional in CONNACK', () => {
    const pings = new LocalPing();
    pings.fromClient(connect(60, 5), 0);
    const told = connack(properties);

    expect(pings.fromServer(told, 0)).toBe(told);
    expect(pings.keepAlive).toBe(60);
  });
});
