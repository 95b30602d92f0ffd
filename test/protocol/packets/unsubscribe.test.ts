/*
 * Proved elsewhere: [v3 MQTT-3.10.1-1], [v3 MQTT-3.10.3-1], [v3 MQTT-3.10.3-2] malformed.test.ts.
 * Not proved here, the duty of broker/: [v3 MQTT-3.10.4-1] to [v3 MQTT-3.10.4-5].
 */
import { describe, expect, test } from '@jest/globals';
import { handleUnsubscribe } from '../../../lambdas/protocol/packets/unsubscribe';
import { clause } from '../../support/clause';
import { thrownBy } from '../../support/thrown-by';

function unsubscribe(version: number, ...unsubscriptions: string[]) {
  return handleUnsubscribe({ cmd: 'unsubscribe', messageId: 7, unsubscriptions }, version);
}

describe('UNSUBSCRIBE', () => {
  clause(['MQTT-3.10.4-6', 'v3 MQTT-3.10.4-6'], 'takes all its filters back at once', () => {
    for (const version of [3, 4, 5]) {
      expect(unsubscribe(version, 'a/b', '+/#')).toEqual([
        {
          do: 'unsubscribe',
          packetId: 7,
          names: [
            { name: 'a/b', filter: 'a/b' },
            { name: '+/#', filter: '+/#' },
          ],
        },
      ]);
    }
  });

  test('of MQTT 5.0 distinguishes a shared subscription from an ordinary one with the same filter', () => {
    expect(unsubscribe(5, '$share/g/a', 'a')).toEqual([
      {
        do: 'unsubscribe',
        packetId: 7,
        names: [
          { name: '$share/g/a', filter: 'a', share: 'g' },
          { name: 'a', filter: 'a' },
        ],
      },
    ]);
  });

  clause('v3 MQTT-4.8.0-1', 'a malformed filter ends the connection', () => {
    for (const version of [3, 4, 5]) {
      expect(thrownBy(() => unsubscribe(version, 'a', 'a#'))).toMatchObject({
        reason: 0x81,
        message: expect.stringContaining('"a#"'),
      });
    }
  });

  clause('MQTT-4.8.2-2', 'a malformed shared subscription ends the connection', () => {
    expect(thrownBy(() => unsubscribe(5, '$share/+/a'))).toMatchObject({ reason: 0x81 });
  });
});
