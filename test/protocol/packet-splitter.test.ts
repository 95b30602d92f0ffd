import { describe, expect, test } from '@jest/globals';
import { gatewayMaxPacketSize } from '../../lambdas/protocol/limits';
import { splitPackets } from '../../lambdas/protocol/packet-splitter';
import { ProtocolError } from '../../lambdas/protocol/reason-codes';
import { hex } from '../support/packets';
import { Random } from '../support/random';

const nothing = Buffer.alloc(0);

describe('splitPackets', () => {
  test('cuts several packets out of one frame', () => {
    expect(splitPackets(nothing, hex('c000 4002 0007 e000'))).toEqual({
      packets: [hex('c000'), hex('40020007'), hex('e000')],
      tail: nothing,
    });
  });

  test('keeps an incomplete packet', () => {
    expect(splitPackets(nothing, hex('c000 4002 00'))).toEqual({ packets: [hex('c000')], tail: hex('400200') });
  });

  test('joins the kept bytes with new ones', () => {
    expect(splitPackets(hex('4002 00'), hex('07'))).toEqual({ packets: [hex('40020007')], tail: nothing });
  });

  test('waits for a fixed header that is cut after its first byte', () => {
    expect(splitPackets(nothing, hex('c0'))).toEqual({ packets: [], tail: hex('c0') });
  });

  test('waits for a fixed header that is cut inside its length', () => {
    expect(splitPackets(nothing, hex('30 80'))).toEqual({ packets: [], tail: hex('3080') });
  });

  test('finds no packet in no bytes', () => {
    expect(splitPackets(nothing, nothing)).toEqual({ packets: [], tail: nothing });
  });

  test('reads a length of two bytes', () => {
    const packet = Buffer.concat([hex('30 c102'), Buffer.alloc(321)]);

    expect(splitPackets(nothing, packet)).toEqual({ packets: [packet], tail: nothing });
  });

  test('takes a packet of exactly the maximum size', () => {
    const packet = Buffer.concat([hex('30 fcff05'), Buffer.alloc(98_300)]);

    expect(packet.length).toBe(gatewayMaxPacketSize);
    expect(splitPackets(nothing, packet).packets).toEqual([packet]);
  });

  test('refuses a packet one byte over the maximum before its body has come', () => {
    const { error } = splitPackets(nothing, hex('30 fdff05'));

    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ reason: 0x95, message: expect.stringContaining('98305') });
  });

  test('uses another maximum if one is given', () => {
    expect(splitPackets(nothing, hex('4002 0007'), 3).error).toMatchObject({ reason: 0x95 });
  });

  test('refuses a length of five bytes [v3 section 2.2.3]', () => {
    const { error } = splitPackets(nothing, hex('30 80808080 01'));

    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ reason: 0x81 });
  });

  test('keeps the packets before a malformed one', () => {
    const { packets, tail, error } = splitPackets(nothing, hex('c000 4002 0007 30 80808080 01 c000'));

    expect(packets).toEqual([hex('c000'), hex('40020007')]);
    expect(tail).toEqual(hex('30 80808080 01 c000'));
    expect(error).toMatchObject({ reason: 0x81 });
  });

  test('finds the same packets for every split of the stream', () => {
    const stream = Buffer.concat([hex('c000 4002 0007 30c102'), Buffer.alloc(321, 0xc0), hex('e000')]);
    const whole = splitPackets(nothing, stream).packets;
    const random = new Random(1);

    for (let run = 0; run < 200; run++) {
      const found: Buffer[] = [];
      let tail: Buffer = nothing;
      for (let position = 0; position < stream.length; ) {
        const end = position + 1 + random.below(60);
        const split = splitPackets(tail, stream.subarray(position, end));
        found.push(...split.packets);
        tail = split.tail;
        position = end;
      }
      expect(found).toEqual(whole);
    }
  });
});
