/*
 * Proved elsewhere: [v3 MQTT-3.6.1-1] malformed.test.ts.
 * Not proved here, the duty of the shell: [v3 MQTT-4.3.2-1], [v3 MQTT-4.3.3-1] what is sent again and what never; [v3 MQTT-4.4.0-1];
 *   [v3 MQTT-4.6.0-1] to [v3 MQTT-4.6.0-6] the order.
 */
import { describe, expect, test } from '@jest/globals';
import { handlePuback } from '../../../lambdas/protocol/packets/puback';
import { handlePubcomp } from '../../../lambdas/protocol/packets/pubcomp';
import { handlePubrec } from '../../../lambdas/protocol/packets/pubrec';
import { handlePubrel } from '../../../lambdas/protocol/packets/pubrel';
import { clause } from '../../support/clause';

describe('PUBACK', () => {
  test('settles the message', () => {
    expect(handlePuback({ cmd: 'puback', messageId: 7 })).toEqual([{ do: 'settle', packetId: 7 }]);
  });
});

describe('PUBREC', () => {
  clause('v3 MQTT-4.3.3-1', 'is answered with PUBREL once the arrival is on record', () => {
    expect(handlePubrec({ cmd: 'pubrec', messageId: 7 })).toEqual([
      { do: 'markReceived', packetId: 7 },
      { do: 'send', packet: { cmd: 'pubrel', messageId: 7 } },
    ]);
  });
});

describe('PUBREL', () => {
  clause('v3 MQTT-4.3.3-2', 'is answered with PUBCOMP once the message is on its way', () => {
    expect(handlePubrel({ cmd: 'pubrel', messageId: 7 })).toEqual([
      { do: 'release', packetId: 7 },
      { do: 'send', packet: { cmd: 'pubcomp', messageId: 7 } },
    ]);
  });
});

describe('PUBCOMP', () => {
  test('completes the exchange', () => {
    expect(handlePubcomp({ cmd: 'pubcomp', messageId: 7 })).toEqual([{ do: 'complete', packetId: 7 }]);
  });
});
