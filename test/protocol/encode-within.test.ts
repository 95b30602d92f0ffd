import { describe, expect, it } from '@jest/globals';
import { encode } from '../../lambdas/protocol/codec/encode';
import { encodeWithin, encodeWithinOrThrow } from '../../lambdas/protocol/encode-within';
import type { ServerPacket } from '../../lambdas/protocol/packets';
import { ProtocolError } from '../../lambdas/protocol/reason-codes';
import { clause } from '../support/clause';

const why = { reasonString: 'because', userProperties: [['a', 'b']] } as const;

/** Every packet of a server: its full form, and its shortest form. */
const packets: Record<ServerPacket['cmd'], readonly [most: ServerPacket, least: ServerPacket][]> = {
  connack: [
    [
      {
        cmd: 'connack',
        sessionPresent: true,
        reasonCode: 0,
        properties: {
          sessionExpiryInterval: 9,
          receiveMaximum: 1,
          maximumQoS: 1,
          retainAvailable: false,
          maximumPacketSize: 2,
          assignedClientIdentifier: 'assigned',
          topicAliasMaximum: 16,
          wildcardSubscriptionAvailable: false,
          subscriptionIdentifiersAvailable: false,
          sharedSubscriptionAvailable: false,
          serverKeepAlive: 540,
          responseInformation: 'response/a',
          serverReference: 'elsewhere',
          authenticationMethod: 'M',
          authenticationData: Buffer.from('d'),
          ...why,
        },
      },
      {
        cmd: 'connack',
        sessionPresent: true,
        reasonCode: 0,
        properties: {
          sessionExpiryInterval: 9,
          receiveMaximum: 1,
          maximumQoS: 1,
          retainAvailable: false,
          maximumPacketSize: 2,
          assignedClientIdentifier: 'assigned',
          wildcardSubscriptionAvailable: false,
          subscriptionIdentifiersAvailable: false,
          sharedSubscriptionAvailable: false,
          serverKeepAlive: 540,
          serverReference: 'elsewhere',
          authenticationMethod: 'M',
          authenticationData: Buffer.from('d'),
        },
      },
    ],
  ],
  publish: [
    whole({
      cmd: 'publish',
      topic: 'a',
      payload: Buffer.from('x'),
      qos: 1,
      messageId: 7,
      dup: false,
      retain: true,
      properties: { userProperties: why.userProperties },
    }),
  ],
  puback: acknowledgements('puback'),
  pubrec: acknowledgements('pubrec'),
  pubrel: [withoutReason({ cmd: 'pubrel', messageId: 7, reasonCode: 0x92 })],
  pubcomp: [withoutReason({ cmd: 'pubcomp', messageId: 7, reasonCode: 0x92 })],
  suback: [withoutReason({ cmd: 'suback', messageId: 7, granted: [0, 1, 0x87] })],
  unsuback: [withoutReason({ cmd: 'unsuback', messageId: 7, granted: [0, 0x11] })],
  pingresp: [whole({ cmd: 'pingresp' })],
  disconnect: [
    [
      { cmd: 'disconnect', reasonCode: 0x9d, properties: { serverReference: 'elsewhere', ...why } },
      { cmd: 'disconnect', reasonCode: 0x9d, properties: { serverReference: 'elsewhere' } },
    ],
  ],
  auth: [
    [
      {
        cmd: 'auth',
        reasonCode: 0x18,
        properties: { authenticationMethod: 'M', authenticationData: Buffer.from('d'), ...why },
      },
      {
        cmd: 'auth',
        reasonCode: 0x18,
        properties: { authenticationMethod: 'M', authenticationData: Buffer.from('d') },
      },
    ],
  ],
};

function whole(packet: ServerPacket): [ServerPacket, ServerPacket] {
  return [packet, packet];
}

function withoutReason(packet: ServerPacket): [ServerPacket, ServerPacket] {
  return [{ ...packet, properties: why } as ServerPacket, packet];
}

function acknowledgements(cmd: 'puback' | 'pubrec'): [ServerPacket, ServerPacket][] {
  return [
    withoutReason({ cmd, messageId: 7, reasonCode: 0x87 }),
    [
      { cmd, messageId: 7, reasonCode: 0x10, properties: why },
      { cmd, messageId: 7 },
    ],
  ];
}

describe('a packet for a client with a Maximum Packet Size', () => {
  for (const [cmd, cases] of Object.entries(packets)) {
    for (const [index, [most, least]] of cases.entries()) {
      const [full, smallest] = [encode(most, 5), encode(least, 5)];

      clause(
        ['MQTT-3.1.2-24', 'MQTT-3.2.2-19', 'MQTT-3.2.2-20'],
        `${cmd} ${index} is as large as may be, and no larger`,
        () => {
          expect(encodeWithin(most, 5, full.length)?.bytes).toEqual(full);
          for (let largest = 0; largest < full.length; largest++) {
            const fitted = encodeWithin(most, 5, largest);
            if (largest < smallest.length) expect(fitted).toBeUndefined();
            else expect(fitted?.bytes.length).toBeLessThanOrEqual(largest);
          }
          expect(encodeWithin(most, 5, smallest.length)?.bytes).toEqual(smallest);
        },
      );

      it(`${cmd} ${index} that cannot fit is an error 0x95`, () => {
        expect(() => encodeWithinOrThrow(most, 5, smallest.length - 1)).toThrow(ProtocolError);
        expect(() => encodeWithinOrThrow(most, 5, smallest.length - 1)).toThrow(
          expect.objectContaining({ reason: 0x95 }),
        );
      });
    }
  }
});
