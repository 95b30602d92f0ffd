/*
 * Proved elsewhere: [v3 MQTT-3.6.1-1] malformed.test.ts.
 * Not proved here, the duty of broker/: [v3 MQTT-4.3.2-1], [v3 MQTT-4.3.3-1] what is sent again and what never; [v3 MQTT-4.4.0-1];
 *   [v3 MQTT-4.6.0-1] to [v3 MQTT-4.6.0-6] the order.
 */
import { describe, expect, test } from '@jest/globals';
import { handlePuback } from '../../../lambdas/protocol/packets/puback';
import { handlePubcomp } from '../../../lambdas/protocol/packets/pubcomp';
import { handlePubrec } from '../../../lambdas/protocol/packets/pubrec';
import { handlePubrel } from '../../../lambdas/protocol/packets/pubrel';
import { clause } from '../../support/clause';

describe('PUBACK', () => {
  test('completes the QoS 1 message', () => {
    expect(handlePuback({ cmd: 'puback', messageId: 7 })).toEqual([{ do: 'acknowledged', packetId: 7 }]);
  });
});

describe('PUBACK of MQTT 5.0', () => {
  clause('MQTT-4.4.0-2', 'settles the message, whatever its reason code', () => {
    for (const reasonCode of [0x00, 0x10, 0x80, 0x99]) {
      expect(handlePuback({ cmd: 'puback', messageId: 7, reasonCode })).toEqual([{ do: 'acknowledged', packetId: 7 }]);
    }
  });
});

describe('PUBREC', () => {
  clause(['MQTT-4.3.3-4', 'v3 MQTT-4.3.3-1'], 'is answered with PUBREL once the arrival is on record', () => {
    expect(handlePubrec({ cmd: 'pubrec', messageId: 7 })).toEqual([{ do: 'received', packetId: 7 }]);
  });
});

describe('PUBREC of MQTT 5.0', () => {
  const released = [{ do: 'received', packetId: 7 }];

  clause('MQTT-4.3.3-4', 'is answered with PUBREL when its reason code is below 0x80', () => {
    expect(handlePubrec({ cmd: 'pubrec', messageId: 7, reasonCode: 0x00 })).toEqual(released);
    expect(handlePubrec({ cmd: 'pubrec', messageId: 7, reasonCode: 0x10 })).toEqual(released);
  });

  for (const reasonCode of [0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]) {
    clause(
      ['MQTT-4.4.0-2', 'MQTT-4.3.3-9'],
      `with 0x${reasonCode.toString(16)} completes the exchange, without PUBREL`,
      () => {
        expect(handlePubrec({ cmd: 'pubrec', messageId: 7, reasonCode })).toEqual([{ do: 'rejected', packetId: 7 }]);
      },
    );
  }
});

describe('PUBREL', () => {
  clause(['MQTT-4.3.3-11', 'v3 MQTT-4.3.3-2'], 'is answered with PUBCOMP once the message is on its way', () => {
    expect(handlePubrel({ cmd: 'pubrel', messageId: 7 })).toEqual([{ do: 'release', packetId: 7 }]);
  });
});

describe('PUBCOMP', () => {
  test('completes the exchange, whatever its reason code', () => {
    expect(handlePubcomp({ cmd: 'pubcomp', messageId: 7 })).toEqual([{ do: 'completed', packetId: 7 }]);
    expect(handlePubcomp({ cmd: 'pubcomp', messageId: 7, reasonCode: 0x92 })).toEqual([
      { do: 'completed', packetId: 7 },
    ]);
  });
});
