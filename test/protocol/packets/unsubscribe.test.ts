/*
 * Proved elsewhere: [v3 MQTT-3.10.1-1], [v3 MQTT-3.10.3-1], [v3 MQTT-3.10.3-2] malformed.test.ts.
 * Not proved here, the duty of the shell: [v3 MQTT-3.10.4-1] to [v3 MQTT-3.10.4-5].
 */
import { describe, expect } from '@jest/globals';
import { handleUnsubscribe } from '../../../lambdas/protocol/packets/unsubscribe';
import { clause } from '../../support/clause';
import { thrownBy } from '../../support/thrown-by';

describe('UNSUBSCRIBE', () => {
  clause('v3 MQTT-3.10.4-6', 'takes all its filters back at once', () => {
    expect(handleUnsubscribe({ cmd: 'unsubscribe', messageId: 7, unsubscriptions: ['a/b', '+/#'] })).toEqual([
      { do: 'unsubscribe', packetId: 7, filters: ['a/b', '+/#'] },
    ]);
  });

  clause('v3 MQTT-4.8.0-1', 'a malformed filter ends the connection', () => {
    const error = thrownBy(() => handleUnsubscribe({ cmd: 'unsubscribe', messageId: 7, unsubscriptions: ['a#'] }));

    expect(error).toMatchObject({ reason: 0x8f, message: '"a#" is not a topic filter' });
  });
});
