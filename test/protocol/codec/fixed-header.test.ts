import { describe, expect, it } from '@jest/globals';
import { checkIncompletePacket } from '../../../lambdas/protocol/codec/fixed-header';
import { clause } from '../../support/clause';
import { hex } from '../../support/packets';
import { thrownBy } from '../../support/thrown-by';

type Version = 3 | 4 | 5 | undefined;

/** First bytes of packets that are invalid whatever follows, with the versions for which this holds. */
const hopeless: readonly (readonly [what: string, bytes: string, versions: readonly Version[], reason: number])[] = [
  ['PINGREQ with a body', 'c0 01', [3, 4, 5], 0x81],
  ['PINGREQ with a body of 200 bytes, half of its length', 'c0 c8', [3, 4, 5], 0x81],
  ['PINGREQ with a body above every limit', 'c0 ff ff ff 7f', [3, 4, 5], 0x81],
  ['PINGREQ with a flag', 'c1', [3, 4, 5], 0x81],
  ['DISCONNECT of MQTT 3.1.1 with a body', 'e0 01', [3, 4], 0x81],
  ['DISCONNECT with a flag', 'e2', [3, 4, 5], 0x81],
  ['PUBACK without a packet id', '40 01', [3, 4, 5], 0x81],
  ['PUBACK of MQTT 3.1.1 with three bytes', '40 03', [3, 4], 0x81],
  ['PUBREC of MQTT 3.1.1 with three bytes', '50 03', [3, 4], 0x81],
  ['PUBREL of MQTT 3.1.1 with three bytes', '62 03', [3, 4], 0x81],
  ['PUBREL without its flag', '60', [3, 4, 5], 0x81],
  ['PUBREL with DUP', '6a', [4, 5], 0x81],
  ['PUBCOMP of MQTT 3.1.1 with three bytes', '70 03', [3, 4], 0x81],
  ['PUBCOMP with a flag', '78', [3, 4, 5], 0x81],
  ['SUBSCRIBE without its flag', '80', [3, 4, 5], 0x81],
  ['SUBSCRIBE of one byte', '82 01', [3, 4, 5], 0x81],
  ['UNSUBSCRIBE without its flag', 'a0', [3, 4, 5], 0x81],
  ['UNSUBSCRIBE of one byte', 'a2 01', [3, 4, 5], 0x81],
  ['PUBLISH with QoS 3', '36', [3, 4, 5], 0x81],
  ['PUBLISH at QoS 0 with DUP', '38', [3, 4, 5], 0x81],
  ['PUBLISH of two bytes', '30 02', [3, 4, 5], 0x81],
  ['PUBLISH at QoS 1 of four bytes', '32 04', [3, 4, 5], 0x81],
  ['PUBLISH with a padded length', '30 85 00', [5], 0x81],
  ['AUTH before MQTT 5.0', 'f0', [3, 4], 0x82],
  ['AUTH with a flag', 'f8', [5], 0x81],
  ['packet type 0', '00', [3, 4, 5], 0x82],
  ['CONNACK', '20', [3, 4, 5], 0x82],
  ['SUBACK', '90', [3, 4, 5], 0x82],
  ['UNSUBACK', 'b0', [3, 4, 5], 0x82],
  ['PINGRESP', 'd0', [3, 4, 5], 0x82],
  ['a second CONNECT', '10', [3, 4, 5], 0x82],
  ['a first packet that is no CONNECT', '30', [undefined], 0x82],
  ['CONNECT with a flag', '12', [undefined], 0x81],
];

/** First bytes of packets that may be valid. */
const hopeful: readonly (readonly [bytes: string, versions: readonly Version[]])[] = [
  ['', [undefined, 3, 4, 5]],
  ['10', [undefined]],
  ['10 80', [undefined]],
  ['c0', [3, 4, 5]],
  ['c0 80', [3, 4, 5]],
  ['e0', [3, 4, 5]],
  ['e0 01', [5]],
  ['40 02 00', [3, 4, 5]],
  ['40 03', [5]],
  ['62', [3, 4, 5]],
  ['6a', [3]],
  ['82 06', [3, 4, 5]],
  ['8a 06', [3]],
  ['30', [3, 4, 5]],
  ['3d ff ff 05', [3, 4, 5]],
  ['30 85 00', [3, 4]],
  ['f0 06', [5]],
];

describe('an incomplete packet', () => {
  for (const [what, bytes, versions, reason] of hopeless) {
    clause(['MQTT-4.13.1-1', 'v3 MQTT-4.8.0-1'], `is refused at once: ${what}`, () => {
      for (const version of versions) {
        expect({ version, error: thrownBy(() => checkIncompletePacket(hex(bytes), version)) }).toMatchObject({
          version,
          error: { reason },
        });
      }
    });
  }

  it.each(hopeful)('%s may go on', (bytes, versions) => {
    for (const version of versions) expect(() => checkIncompletePacket(hex(bytes), version)).not.toThrow();
  });
});
