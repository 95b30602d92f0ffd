/*
 * Proved elsewhere: [MQTT-3.14.1-1], [MQTT-3.14.2-1], [v3 MQTT-3.14.1-1] malformed.test.ts.
 * The client's duty: [v3 MQTT-3.14.4-1], [v3 MQTT-3.14.4-2].
 */
import { describe, expect, test } from '@jest/globals';
import type { Effect } from '../../../lambdas/protocol/effects';
import { handleDisconnect } from '../../../lambdas/protocol/packets/disconnect';
import { allowEverything } from '../../../lambdas/protocol/permissions';
import { clause } from '../../support/clause';
import { thrownBy } from '../../support/thrown-by';

describe('DISCONNECT', () => {
  clause('v3 MQTT-3.14.4-3', 'ends the connection without its will', () => {
    const session = { clientId: 'kitchen', version: 4, sessionExpiry: 0, permissions: allowEverything } as const;

    expect(handleDisconnect({ cmd: 'disconnect' }, session)).toEqual([{ do: 'disconnect', withWill: false }]);
  });
});

describe('DISCONNECT of MQTT 5.0', () => {
  /** Returns the effects of a DISCONNECT after a CONNECT with a Session Expiry Interval. */
  function disconnect(inConnect: number, inDisconnect?: number, reasonCode?: number): Effect[] {
    const properties = inDisconnect === undefined ? {} : { properties: { sessionExpiryInterval: inDisconnect } };
    return handleDisconnect(
      { cmd: 'disconnect', ...(reasonCode !== undefined && { reasonCode }), ...properties },
      { clientId: 'kitchen', version: 5, sessionExpiry: inConnect, permissions: allowEverything },
    );
  }

  clause('MQTT-3.14.4-3', 'with 0x00, said or not, ends the connection without its will', () => {
    expect(disconnect(60)).toEqual([{ do: 'disconnect', withWill: false }]);
    expect(disconnect(60, undefined, 0x00)).toEqual([{ do: 'disconnect', withWill: false }]);
  });

  clause('MQTT-3.1.2-8', 'with 0x04 leaves the will behind', () => {
    expect(disconnect(60, undefined, 0x04)).toEqual([{ do: 'disconnect', withWill: true }]);
    expect(disconnect(60, 5, 0x04)).toEqual([{ do: 'disconnect', withWill: true, sessionExpiry: 5 }]);
  });

  test('may change the Session Expiry Interval', () => {
    expect(disconnect(60, 5)).toEqual([{ do: 'disconnect', withWill: false, sessionExpiry: 5 }]);
    expect(disconnect(60, 3600)).toEqual([{ do: 'disconnect', withWill: false, sessionExpiry: 3600 }]);
    expect(disconnect(60, 0xffff_ffff)).toEqual([{ do: 'disconnect', withWill: false, sessionExpiry: 0xffff_ffff }]);
    expect(disconnect(0xffff_ffff, 5)).toEqual([{ do: 'disconnect', withWill: false, sessionExpiry: 5 }]);
  });

  test('may end the session with the connection', () => {
    expect(disconnect(60, 0)).toEqual([{ do: 'disconnect', withWill: false, sessionExpiry: 0 }]);
    expect(disconnect(0, 0)).toEqual([{ do: 'disconnect', withWill: false, sessionExpiry: 0 }]);
  });

  test('cannot extend a session with a Session Expiry Interval of 0', () => {
    for (const inDisconnect of [1, 0xffff_ffff]) {
      expect(thrownBy(() => disconnect(0, inDisconnect))).toMatchObject({ reason: 0x82 });
      expect(thrownBy(() => disconnect(0, inDisconnect, 0x04))).toMatchObject({ reason: 0x82 });
    }
  });
});
