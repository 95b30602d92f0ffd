import { describe, expect, it } from '@jest/globals';
import { generate, type Packet } from 'mqtt-packet';
import { publishBytes } from '../../clients/publish-size';
import { SizeGate } from '../../clients/size-gate';
import { MAX_PACKET_BYTES } from '../../clients/wire';

type Version = 4 | 5;

const connect = (protocolVersion: Version) =>
  generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion, clientId: 'a', clean: true, keepalive: 60 });

/** A PUBLISH of this size in bytes. */
function publish(bytes: number, qos: 0 | 1 | 2, version: Version, topic = 'a'): Buffer {
  const packet = { cmd: 'publish', topic, qos, messageId: 0x1234, dup: false, retain: false } as const;
  const overhead =
    publishBytes({ topic, payload: Buffer.alloc(bytes), options: { qos }, protocolVersion: version }) - bytes;
  const made = generate({ ...packet, payload: Buffer.alloc(bytes - overhead, 'x') }, { protocolVersion: version });
  expect(made).toHaveLength(bytes);
  return made;
}

function subscribe(filters: number, version: Version): Buffer {
  const subscriptions = Array.from(
    { length: filters },
    (_, n) => ({ topic: `filter/${n}`.padEnd(100, '.'), qos: 1 }) as const,
  );
  const properties = version === 5 ? { properties: { subscriptionIdentifier: 300 } } : {};
  return generate({ cmd: 'subscribe', messageId: 0x1234, subscriptions, ...properties } as Packet, {
    protocolVersion: version,
  });
}

/** Passes packets to the gate in chunks of one size. */
function through(gate: SizeGate, packets: readonly Buffer[], chunk = Number.MAX_SAFE_INTEGER) {
  const bytes = Buffer.concat(packets);
  const outcomes = [];
  for (let at = 0; at < bytes.length; at += chunk) outcomes.push(gate.fromClient(bytes.subarray(at, at + chunk)));
  const refusals = outcomes.flatMap((outcome) => outcome.refusals);
  return {
    upstream: Buffer.concat(outcomes.flatMap((outcome) => outcome.upstream)),
    refusals: refusals.map(({ error, answer }) => [error.message, answer && Buffer.from(answer).toString('hex')]),
  };
}

const small = publish(20, 1, 4);

describe('a PUBLISH that is too large', () => {
  it.each<[Version, 0 | 1 | 2, string | undefined]>([
    [4, 0, undefined],
    [4, 1, undefined],
    [4, 2, undefined],
    [5, 0, undefined],
    [5, 1, '400412349700'],
    [5, 2, '500412349700'],
  ])('of version %i at QoS %i is withheld from the stream', (version, qos, answer) => {
    const around = [connect(version), publish(30, 1, version)];

    const { upstream, refusals } = through(new SizeGate(), [...around, publish(98_305, qos, version), ...around]);

    expect(upstream.equals(Buffer.concat([...around, ...around]))).toBe(true);
    expect(refusals).toEqual([['a packet of 98305 bytes is over the limit of 97280', answer]]);
  });

  it.each([1, 2, 3, 5, 7, 1_000, 98_310])('is withheld in chunks of %i bytes', (chunk) => {
    const packets = [connect(5), publish(98_400, 2, 5, 'a/topic/of/its/own'), small, publish(98_400, 1, 5), small];

    const { upstream, refusals } = through(new SizeGate(), packets, chunk);

    expect(upstream.equals(Buffer.concat([connect(5), small, small]))).toBe(true);
    expect(refusals.map(([, answer]) => answer)).toEqual(['500412349700', '400412349700']);
  });

  it('is one of 97,281 bytes', () => {
    const largest = publish(MAX_PACKET_BYTES, 1, 4);

    const { upstream, refusals } = through(new SizeGate(), [connect(4), largest, publish(MAX_PACKET_BYTES + 1, 1, 4)]);

    expect(upstream.length).toBe(connect(4).length + MAX_PACKET_BYTES);
    expect(refusals).toEqual([['a packet of 97281 bytes is over the limit of 97280', undefined]]);
  });

  it('is one above the Maximum Packet Size in CONNACK of MQTT 5.0', () => {
    const gate = new SizeGate();
    const connack = generate(
      { cmd: 'connack', reasonCode: 0, sessionPresent: false, properties: { maximumPacketSize: 70_000 } },
      { protocolVersion: 5 },
    );
    through(gate, [connect(5)]);
    gate.fromServer(connack);

    const { refusals } = through(gate, [publish(70_000, 1, 5), publish(70_001, 1, 5)]);

    expect(refusals).toEqual([['a packet of 70001 bytes is over the limit of 70000', '400412349700']]);
  });

  it('gets no answer when its topic is longer than itself', () => {
    const broken = publish(98_400, 1, 5);
    broken.writeUInt16BE(0xffff, 4);
    broken.fill(0, 6);

    expect(through(new SizeGate(), [connect(5), broken]).refusals).toEqual([
      ['a packet of 98400 bytes is over the limit of 97280', undefined],
    ]);
  });
});

describe('a SUBSCRIBE that is too large', () => {
  it.each<[Version, string, string]>([
    [4, '90ea071234', '80'],
    [5, '90eb07123400', '97'],
  ])('of version %i fails for each of its filters', (version, header, code) => {
    const large = subscribe(1_000, version);

    const { upstream, refusals } = through(new SizeGate(), [connect(version), large, small], 77);

    expect(upstream.equals(Buffer.concat([connect(version), small]))).toBe(true);
    expect(refusals).toEqual([
      [`a packet of ${large.length} bytes is over the limit of ${MAX_PACKET_BYTES}`, header + code.repeat(1_000)],
    ]);
  });

  it('of 100,001 filters gets no answer', () => {
    const filters = Buffer.alloc(400_004, Buffer.from('00016100', 'hex'));
    const large = Buffer.concat([Buffer.from('8286b5181234', 'hex'), filters]);

    expect(through(new SizeGate(), [connect(4), large]).refusals).toEqual([
      [`a packet of ${large.length} bytes is over the limit of 97280`, undefined],
    ]);
  });
});

describe('a forwarded packet', () => {
  it('is every other one, also with a malformed Remaining Length', () => {
    const others = [
      connect(5),
      Buffer.from('c000', 'hex'),
      Buffer.concat([Buffer.from('a2fdff05', 'hex'), Buffer.alloc(98_301)]),
    ];

    expect(through(new SizeGate(), others).upstream.equals(Buffer.concat(others))).toBe(true);
    expect(through(new SizeGate(), [Buffer.from('30ffffffff01', 'hex')]).upstream.toString('hex')).toBe('30ffffffff01');
  });
});

describe('the size of a PUBLISH', () => {
  it.each([
    ['nothing', '', '', {}],
    ['text of every length in UTF-8', 'aé€😀/b', 'aé€😀', {}],
    ['bytes', 'a', Buffer.alloc(200), {}],
    ['a broken surrogate', 'a', '\ud800!', {}],
    [
      'all properties',
      'a',
      Buffer.alloc(16_384),
      {
        payloadFormatIndicator: true,
        messageExpiryInterval: 0,
        topicAlias: 3,
        responseTopic: 'é',
        correlationData: Buffer.alloc(150),
        userProperties: { one: 'é', many: ['1', '22'] },
        contentType: 'text/plain',
      },
    ],
  ] as const)('with %s is that of the packet', (_name, topic, payload, properties) => {
    for (const qos of [0, 1, 2] as const) {
      for (const protocolVersion of [4, 5] as const) {
        const packet = {
          cmd: 'publish',
          topic,
          payload,
          qos,
          messageId: 1,
          dup: false,
          retain: false,
          properties,
        } as const;
        const made = generate(packet as unknown as Packet, { protocolVersion });

        expect(publishBytes({ topic, payload, options: { qos, properties }, protocolVersion })).toBe(made.length);
      }
    }
  });
});
