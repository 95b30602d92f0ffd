/*
 * Table 2-4 of MQTT 5.0 as data: each property in each packet a client may send.
 * Values that are not allowed: malformed.test.ts. Properties only a server sends are written in encode.test.ts.
 */
import { describe, expect, test } from '@jest/globals';
import { decode } from '../../../lambdas/protocol/codec/decode';
import type { ClientPacket } from '../../../lambdas/protocol/packets';
import { clause } from '../../support/clause';
import { hex } from '../../support/packets';
import { thrownBy } from '../../support/thrown-by';

const malformed = { name: 'ProtocolError', reason: 0x81 };
const protocolError = { name: 'ProtocolError', reason: 0x82 };

interface TableRow {
  /** Identifier and a value, in hex. */
  readonly bytes: string;
  readonly name: string;
  readonly value?: unknown;
  /** Client packets that may have the property. */
  readonly packets: string;
}

const acknowledgements = 'puback pubrec pubrel pubcomp';
const everything = `connect will publish ${acknowledgements} subscribe unsubscribe disconnect auth`;

const table: readonly TableRow[] = [
  { bytes: '01 01', name: 'payloadFormatIndicator', value: true, packets: 'will publish' },
  { bytes: '02 ffffffff', name: 'messageExpiryInterval', value: 0xffff_ffff, packets: 'will publish' },
  { bytes: '03 0001 74', name: 'contentType', value: 't', packets: 'will publish' },
  { bytes: '08 0003 722f61', name: 'responseTopic', value: 'r/a', packets: 'will publish' },
  { bytes: '09 0002 ff00', name: 'correlationData', value: hex('ff00'), packets: 'will publish' },
  { bytes: '0b ffffff7f', name: 'subscriptionIdentifier', value: 268_435_455, packets: 'subscribe' },
  { bytes: '11 00000e10', name: 'sessionExpiryInterval', value: 3600, packets: 'connect disconnect' },
  { bytes: '12 0001 63', name: 'assignedClientIdentifier', packets: '' },
  { bytes: '13 003c', name: 'serverKeepAlive', packets: '' },
  { bytes: '15 0001 6d', name: 'authenticationMethod', value: 'm', packets: 'connect auth' },
  { bytes: '16 0002 ff00', name: 'authenticationData', value: hex('ff00'), packets: 'connect auth' },
  { bytes: '17 00', name: 'requestProblemInformation', value: false, packets: 'connect' },
  { bytes: '18 0000003c', name: 'willDelayInterval', value: 60, packets: 'will' },
  { bytes: '19 01', name: 'requestResponseInformation', value: true, packets: 'connect' },
  { bytes: '1a 0001 72', name: 'responseInformation', packets: '' },
  { bytes: '1c 0001 73', name: 'serverReference', value: 's', packets: 'disconnect' },
  { bytes: '1f 0001 72', name: 'reasonString', value: 'r', packets: `${acknowledgements} disconnect auth` },
  { bytes: '21 ffff', name: 'receiveMaximum', value: 65_535, packets: 'connect' },
  { bytes: '22 0000', name: 'topicAliasMaximum', value: 0, packets: 'connect' },
  { bytes: '23 0001', name: 'topicAlias', value: 1, packets: 'publish' },
  { bytes: '24 01', name: 'maximumQoS', packets: '' },
  { bytes: '25 01', name: 'retainAvailable', packets: '' },
  { bytes: '26 0001 6e 0001 76', name: 'userProperties', value: [['n', 'v']], packets: everything },
  { bytes: '27 00018000', name: 'maximumPacketSize', value: 98_304, packets: 'connect' },
  { bytes: '28 01', name: 'wildcardSubscriptionAvailable', packets: '' },
  { bytes: '29 01', name: 'subscriptionIdentifiersAvailable', packets: '' },
  { bytes: '2a 01', name: 'sharedSubscriptionAvailable', packets: '' },
];

/** A fixed header, the bytes before the properties, and the bytes behind them. */
const frames: Readonly<Record<string, readonly [header: string, before: string, behind: string]>> = {
  connect: ['10', '0004 4d515454 05 02 003c', '0001 61'],
  will: ['10', '0004 4d515454 05 06 003c 00 0001 61', '0001 77 0001 78'],
  publish: ['30', '0001 61', '78'],
  puback: ['40', '0007 00', ''],
  pubrec: ['50', '0007 00', ''],
  pubrel: ['62', '0007 00', ''],
  pubcomp: ['70', '0007 00', ''],
  subscribe: ['82', '0007', '0001 61 00'],
  unsubscribe: ['a2', '0007', '0001 61'],
  disconnect: ['e0', '00', ''],
  auth: ['f0', '18', ''],
};
const frameNames = Object.keys(frames);

/** Decodes a packet of 5.0 with these properties in hex. */
function decodeWith(frame: string, properties: string): ClientPacket {
  const [header, before, behind] = frames[frame]!;
  const block = hex(properties);
  const body = Buffer.concat([hex(before), Buffer.from([block.length]), block, hex(behind)]);
  const bytes = Buffer.concat([hex(header), Buffer.from([body.length]), body]);
  return decode(bytes, header === '10' ? undefined : 5);
}

function propertiesOf(frame: string, packet: ClientPacket): object | undefined {
  const part = frame === 'will' && packet.cmd === 'connect' ? packet.will : packet;
  return part && 'properties' in part ? part.properties : undefined;
}

/** An Authentication Method, for properties that require one. */
function companion({ name }: TableRow, frame: string): string {
  const needed = name !== 'authenticationMethod' && (frame === 'auth' || name === 'authenticationData');
  return needed && (frame === 'auth' || frame === 'connect') ? '15 0001 6d' : '';
}

for (const row of table) {
  describe(`property ${row.name}`, () => {
    const { bytes, name, value } = row;
    const allowed = row.packets.split(' ').filter((frame) => frame !== '');
    const others = frameNames.filter((frame) => !allowed.includes(frame));

    for (const frame of allowed) {
      test(`is read in ${frame}`, () => {
        const packet = decodeWith(frame, bytes + companion(row, frame));

        expect(propertiesOf(frame, packet)).toHaveProperty(name, value);
      });
    }

    test('makes any other packet malformed', () => {
      for (const frame of others) {
        // Only a server sends a Subscription Identifier in PUBLISH [MQTT-3.3.4-6].
        const expected = name === 'subscriptionIdentifier' && frame === 'publish' ? protocolError : malformed;
        expect(thrownBy(() => decodeWith(frame, bytes + companion(row, frame)))).toMatchObject(expected);
      }
    });

    test('is malformed without the last byte of its value', () => {
      for (const frame of allowed) {
        const cut = bytes.slice(0, -2);
        expect(thrownBy(() => decodeWith(frame, companion(row, frame) + cut))).toMatchObject(malformed);
      }
    });

    if (name === 'userProperties') return;
    test('is a protocol error when it comes twice', () => {
      for (const frame of allowed) {
        const twice = bytes + bytes + companion(row, frame);
        expect(thrownBy(() => decodeWith(frame, twice))).toMatchObject(protocolError);
      }
    });
  });
}

describe('properties', () => {
  clause('MQTT-3.3.2-18', 'of the user keep their order, those of one name apart or together', () => {
    const packet = decodeWith('publish', '26 0001 62 0001 31 26 0001 61 0001 32 01 00 26 0001 62 0001 33');

    expect(packet).toMatchObject({
      properties: {
        userProperties: [
          ['b', '1'],
          ['a', '2'],
          ['b', '3'],
        ],
      },
    });
  });

  clause('MQTT-1.5.7-1', 'of the user may be empty, and may be called __proto__', () => {
    const packet = decodeWith('publish', '26 0000 0000 26 0009 5f5f70726f746f5f5f 0001 76');

    expect(packet).toHaveProperty('properties', {
      userProperties: [
        ['', ''],
        ['__proto__', 'v'],
      ],
    });
  });

  test('are absent if the packet has none', () => {
    expect(decodeWith('publish', '')).toStrictEqual({
      cmd: 'publish',
      topic: 'a',
      payload: Buffer.from('x'),
      qos: 0,
      dup: false,
      retain: false,
    });
    expect(propertiesOf('publish', decodeWith('publish', '01 00'))).toStrictEqual({ payloadFormatIndicator: false });
  });

  test('with an unknown identifier are malformed', () => {
    for (const id of ['00', '04', '0a', '10', '14', '1b', '1d', '1e', '20', '2b', '7f', '8001', 'ffffff7f']) {
      for (const frame of frameNames) {
        expect(thrownBy(() => decodeWith(frame, `${id} 01`))).toMatchObject(malformed);
      }
    }
  });
});
