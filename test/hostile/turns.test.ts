/*
 * Frames that hold as many packets as fit. Each turn has a budget: it writes the last state of what its packets name, leaves to the next
 * event what is beyond, and a connection that sends too many control packets is closed.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hashingOnce } from '../support/guarded-broker';
import { above, Battlefield } from './battlefield';

/** Maximum bytes of a frame that API Gateway accepts as one message. */
const frameBytes = 24_000;

/** Fills a frame with the packets that `packet` returns for 0, 1, 2... */
function frameOf(packet: (index: number) => Buffer): Buffer {
  const packets: Buffer[] = [];
  let size = 0;
  for (let index = 0; ; index++) {
    const next = packet(index);
    size += next.length;
    if (size > frameBytes) return Buffer.concat(packets);
    packets.push(next);
  }
}

const id = (number: number) => [number >> 8, number & 0xff];
const puback = (packetId: number) => Buffer.from([0x40, 2, ...id(packetId)]);
const pubrec = (packetId: number) => Buffer.from([0x50, 2, ...id(packetId)]);
const pubrel = (packetId: number) => Buffer.from([0x62, 2, ...id(packetId)]);
const pubcomp = (packetId: number) => Buffer.from([0x70, 2, ...id(packetId)]);
const pingreq = Buffer.from([0xc0, 0]);
/** QoS 2, topic `x`, MQTT 5.0. */
const qos2 = (packetId: number) => Buffer.from([0x34, 6, 0, 1, 0x78, ...id(packetId), 0]);
const qos1 = (packetId: number) => Buffer.from([0x32, 6, 0, 1, 0x78, ...id(packetId), 0]);
const qos0 = Buffer.from([0x30, 4, 0, 1, 0x78, 0]);
const subscribe = (packetId: number, filter = 'x') =>
  Buffer.from([0x82, 6 + filter.length, ...id(packetId), 0, 0, filter.length, ...Buffer.from(filter), 0]);
const unsubscribe = (packetId: number, filter = 'x') =>
  Buffer.from([0xa2, 5 + filter.length, ...id(packetId), 0, 0, filter.length, ...Buffer.from(filter)]);

const nth = (index: number) => (index % 65_535) + 1;

const frames: readonly (readonly [what: string, frame: Buffer])[] = [
  ['PUBACK of unknown packet ids', frameOf((index) => puback(nth(index)))],
  ['PUBREC of unknown packet ids', frameOf((index) => pubrec(nth(index)))],
  ['PUBCOMP of unknown packet ids', frameOf((index) => pubcomp(nth(index)))],
  ['PUBREL of unknown packet ids', frameOf((index) => pubrel(nth(index)))],
  ['PUBREC and PUBCOMP of one packet id', frameOf((index) => (index % 2 === 0 ? pubrec(1) : pubcomp(1)))],
  ['QoS 2 messages on one packet id', frameOf((index) => (index % 2 === 0 ? qos2(1) : pubrel(1)))],
  ['QoS 2 messages that are never released', frameOf((index) => qos2(nth(index)))],
  ['QoS 1 messages', frameOf((index) => qos1(nth(index)))],
  ['QoS 0 messages', frameOf(() => qos0)],
  ['SUBSCRIBE', frameOf((index) => subscribe(nth(index)))],
  ['UNSUBSCRIBE', frameOf((index) => unsubscribe(nth(index)))],
  ['UNSUBSCRIBE of different filters', frameOf((index) => unsubscribe(nth(index), `x/${index}`))],
  [
    'SUBSCRIBE and UNSUBSCRIBE',
    frameOf((index) => (index % 2 === 0 ? subscribe(nth(index)) : unsubscribe(nth(index)))),
  ],
  ['PINGREQ', frameOf(() => pingreq)],
];

/** Maximum cost of a frame with any content. */
const bounds = { reads: 2_500, writes: 5_000, posts: 400, invocations: 300 };

describe.each([
  ['without any right', [{ name: 'own topics', actions: ['all' as const], topics: ['own'] }]],
  ['with the right to the topic', [{ name: 'topic', actions: ['all' as const], topics: ['x/#'] }]],
])('a frame of a client %s', (_who, rules) => {
  let field: Battlefield;

  beforeAll(async () => {
    field = await Battlefield.start({ rules }, hashingOnce);
    await field.addDevice('device');
  });

  afterAll(() => field.stop());

  it.each(frames)('full of %s slows nobody down', async (_what, frame) => {
    const hostile = await field.enter('device', 'hostile');
    const toll = await field.endure(1, () =>
      field.keepPace(async () => {
        hostile.sendBytes(frame);
        await Promise.race([hostile.closed(), hostile.ping()]).catch(() => undefined);
      }),
    );

    expect(above(toll, bounds)).toEqual({});
    if (hostile.closeCode === undefined) await field.guarded.broker.leave(hostile);
  });
});
