/*
 * Proved elsewhere: [v3 MQTT-3.14.1-1] malformed.test.ts.
 * The client's duty: [v3 MQTT-3.14.4-1], [v3 MQTT-3.14.4-2].
 */
import { describe, expect } from '@jest/globals';
import { handleDisconnect } from '../../../lambdas/protocol/packets/disconnect';
import { clause } from '../../support/clause';

describe('DISCONNECT', () => {
  clause('v3 MQTT-3.14.4-3', 'ends the connection without its will', () => {
    expect(handleDisconnect()).toEqual([{ do: 'end' }]);
  });
});
