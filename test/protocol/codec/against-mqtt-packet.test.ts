/*
 * Compares the codec with mqtt-packet, an independent implementation. Not compared: the order of User Properties, which mqtt-packet
 * loses, and malformed packets, which it partly accepts.
 */
import { describe, expect, test } from '@jest/globals';
import { generate, type Packet, parser } from 'mqtt-packet';
import { decode } from '../../../lambdas/protocol/codec/decode';
import { encode } from '../../../lambdas/protocol/codec/encode';
import { randomCases } from '../../support/exhaustive';
import { mqttPacketForm } from '../../support/mqtt-packet-form';
import { Random } from '../../support/random';
import { RandomPackets } from '../../support/random-packets';

/** Decodes one packet with mqtt-packet. */
function parsed(bytes: Buffer, version: number): Packet[] {
  const packets: Packet[] = [];
  const reader = parser({ protocolVersion: version });
  reader.on('packet', (packet) => packets.push(packet));
  reader.on('error', (error: Error) => {
    throw error;
  });
  reader.parse(bytes);
  return packets;
}

describe.each([3, 4, 5] as const)('at protocol level %d', (version) => {
  test('client packets written by mqtt-packet are read', () => {
    const packets = new RandomPackets(new Random(version));
    for (let run = 0; run < randomCases(2000); run++) {
      const packet = packets.fromClient(version);
      const bytes = generate(mqttPacketForm(packet), { protocolVersion: version });

      expect(decode(bytes, packet.cmd === 'connect' ? undefined : version)).toEqual(packet);
    }
  });

  test('mqtt-packet reads packets written for clients', () => {
    const packets = new RandomPackets(new Random(10 + version));
    for (let run = 0; run < randomCases(2000); run++) {
      const packet = packets.fromServer(version);

      expect(parsed(encode(packet, version), version)).toMatchObject([mqttPacketForm(packet)]);
    }
  });
});

test('a message is equal after encoding and decoding', () => {
  const packets = new RandomPackets(new Random(20));
  for (let run = 0; run < randomCases(2000); run++) {
    const packet = packets.fromClient(5);
    if (packet.cmd === 'publish') expect(decode(encode(packet, 5), 5)).toEqual(packet);
  }
});
