/*
 * Proved elsewhere:
 *   decode.test.ts, malformed.test.ts: [v3 MQTT-3.1.2-1] to [v3 MQTT-3.1.2-3], [v3 MQTT-3.1.2-9], [v3 MQTT-3.1.2-11], [v3 MQTT-3.1.2-13]
 *     to [v3 MQTT-3.1.2-15], [v3 MQTT-3.1.2-18] to [v3 MQTT-3.1.2-22], [v3 MQTT-3.1.3-1], [v3 MQTT-3.1.3-3], [v3 MQTT-3.1.3-4],
 *     [v3 MQTT-3.1.3-10], [v3 MQTT-3.1.3-11], [v3 MQTT-3.1.4-1], [v3 MQTT-4.7.1-1], [v3 MQTT-4.7.3-1]
 *   handle-packet.test.ts: [v3 MQTT-3.1.0-1], [v3 MQTT-3.1.0-2]
 *   reason-codes.test.ts: [v3 MQTT-3.1.3-9], [v3 MQTT-3.2.2-6]
 * Not proved here, the duty of broker/: [v3 MQTT-3.1.2-4] to [v3 MQTT-3.1.2-8], [v3 MQTT-3.1.2-10], [v3 MQTT-3.1.2-12],
 *   [v3 MQTT-3.1.2-24], [v3 MQTT-3.1.3-2], [v3 MQTT-3.1.4-2] to [v3 MQTT-3.1.4-5], [v3 MQTT-3.2.0-1], [v3 MQTT-3.2.2-1] to
 *   [v3 MQTT-3.2.2-5].
 * The client's duty: [v3 MQTT-3.1.2-23].
 */
import { describe, expect, test } from '@jest/globals';
import { type ConnectRequest, sessionForever } from '../../../lambdas/protocol/effects';
import type { ConnectPacket } from '../../../lambdas/protocol/packets';
import { handleConnect } from '../../../lambdas/protocol/packets/connect';
import { clause } from '../../support/clause';
import { connect } from '../../support/packets';
import { thrownBy } from '../../support/thrown-by';

const generateClientId = () => 'assigned';
const limits = {
  maxKeepAlive: 540,
  maxPacketSize: 98_304,
  maxTopicAliases: 16,
  maxUnreleased: 1024,
  maxSessionExpiry: 0,
};

/** Returns the request of a CONNECT. */
function request(fields: Partial<ConnectPacket> = {}): ConnectRequest | undefined {
  const [effect] = handleConnect(connect(fields), generateClientId, limits);
  return effect?.do === 'connect' ? effect.request : undefined;
}

/** Returns the request of a CONNECT of MQTT 5.0. */
function request5(fields: Partial<ConnectPacket> = {}): ConnectRequest | undefined {
  return request({ protocolVersion: 5, ...fields });
}

describe('CONNECT', () => {
  test('requests the session that the client describes', () => {
    expect(handleConnect(connect(), generateClientId, limits)).toEqual([
      {
        do: 'connect',
        request: {
          clientId: 'kitchen',
          version: 4,
          cleanStart: true,
          sessionExpiry: 0,
          keepAlive: 60,
          capabilities: {},
        },
      },
    ]);
  });

  test('passes on a persistent session, a keep-alive of 0 and the user name', () => {
    expect(request({ clean: false, keepalive: 0, username: 'ann' })).toEqual({
      clientId: 'kitchen',
      version: 4,
      cleanStart: false,
      sessionExpiry: sessionForever,
      keepAlive: 0,
      username: 'ann',
      capabilities: {},
    });
  });

  test('passes on user name and password', () => {
    const packet = connect({ username: 'ann', password: Buffer.from('secret') });

    expect(handleConnect(packet, generateClientId, limits)).toMatchObject([
      { do: 'connect', request: { username: 'ann', password: Buffer.from('secret') } },
    ]);
  });

  test('passes on the will', () => {
    const will = { topic: 'w', payload: Buffer.from('gone'), qos: 1, retain: true } as const;

    expect(request({ will })?.will).toEqual({
      message: { topic: 'w', payload: Buffer.from('gone'), qos: 1, retain: true, publisher: 'kitchen' },
      delay: 0,
    });
  });

  clause('v3 MQTT-3.3.5-2', 'a will for a topic clients may not publish to is dropped', () => {
    const will = { topic: '$SYS/broker', payload: Buffer.from('gone'), qos: 1, retain: true } as const;

    expect(request({ will })).toEqual(request());
    expect(request5({ will })).toEqual(request5());
  });

  clause(['MQTT-3.1.3-5', 'v3 MQTT-3.1.3-5'], 'a client id of 1 to 23 letters and digits is allowed', () => {
    for (const clientId of ['0', 'z', '0123456789abcdefghijkLM']) {
      expect(request({ clientId })).toMatchObject({ clientId });
      expect(request5({ clientId })).toMatchObject({ clientId });
    }
  });

  test('a longer client id with other characters is allowed too, even in MQTT 3.1', () => {
    const clientId = 'floor-1/kitchen/lamp \u{1f4a1} 0123456789';
    const packet = connect({ clientId, protocolId: 'MQIsdp', protocolVersion: 3 });

    expect(handleConnect(packet, generateClientId, limits)).toMatchObject([{ request: { clientId, version: 3 } }]);
  });

  clause('v3 MQTT-3.1.3-6', 'an empty client id gets one assigned', () => {
    expect(handleConnect(connect({ clientId: '' }), generateClientId, limits)).toMatchObject([
      { request: { clientId: 'assigned', cleanStart: true } },
    ]);
  });

  clause('v3 MQTT-3.1.3-8', 'an empty client id without a clean session is rejected', () => {
    const error = thrownBy(() => handleConnect(connect({ clientId: '', clean: false }), generateClientId, limits));

    expect(error).toMatchObject({ reason: 0x85, message: expect.stringContaining('client id') });
  });

  test('an empty client id is rejected in MQTT 3.1', () => {
    const packet = connect({ clientId: '', protocolId: 'MQIsdp', protocolVersion: 3 });

    expect(thrownBy(() => handleConnect(packet, generateClientId, limits))).toMatchObject({ reason: 0x85 });
  });
});

describe('CONNECT of MQTT 5.0', () => {
  test('requests the session that the client describes', () => {
    expect(request5()).toEqual({
      clientId: 'kitchen',
      version: 5,
      cleanStart: true,
      sessionExpiry: 0,
      keepAlive: 60,
      capabilities: {},
      connackProperties: { receiveMaximum: 1024, maximumPacketSize: 98_304, topicAliasMaximum: 16 },
    });
  });

  test('is offered the configured number of topic aliases; none without the property', () => {
    const offered = (maxTopicAliases: number) =>
      handleConnect(connect({ protocolVersion: 5 }), generateClientId, { ...limits, maxTopicAliases })[0];

    expect(offered(3)).toMatchObject({ request: { connackProperties: { topicAliasMaximum: 3 } } });
    expect(offered(0)).not.toHaveProperty('request.connackProperties.topicAliasMaximum');
  });

  clause('MQTT-3.1.2-23', 'says how a session ends apart from how it begins', () => {
    const asked = (clean: boolean, sessionExpiryInterval?: number) =>
      request5({ clean, ...(sessionExpiryInterval !== undefined && { properties: { sessionExpiryInterval } }) });

    expect(asked(true)).toMatchObject({ cleanStart: true, sessionExpiry: 0 });
    expect(asked(false)).toMatchObject({ cleanStart: false, sessionExpiry: 0 });
    expect(asked(true, 0)).toMatchObject({ cleanStart: true, sessionExpiry: 0 });
    expect(asked(true, 60)).toMatchObject({ cleanStart: true, sessionExpiry: 60 });
    expect(asked(false, 0xffff_ffff)).toMatchObject({ cleanStart: false, sessionExpiry: sessionForever });
  });

  clause('MQTT-3.2.2-22', 'a keep-alive of 1 to 540 seconds holds, and CONNACK says no other', () => {
    for (const keepalive of [1, 60, 540]) {
      expect(request5({ keepalive })?.keepAlive).toBe(keepalive);
      expect(request5({ keepalive })?.connackProperties).not.toHaveProperty('serverKeepAlive');
    }
  });

  test('a longer keep-alive, or none, becomes 540 seconds, reported in CONNACK', () => {
    for (const keepalive of [0, 541, 65_535]) {
      expect(request5({ keepalive })).toMatchObject({ keepAlive: 540, connackProperties: { serverKeepAlive: 540 } });
    }
  });

  test('the operator may set a shorter maximum keep-alive', () => {
    const asked = (keepalive: number) =>
      handleConnect(connect({ protocolVersion: 5, keepalive }), generateClientId, { ...limits, maxKeepAlive: 30 })[0];

    expect(asked(30)).toMatchObject({ request: { keepAlive: 30 } });
    expect(asked(31)).toMatchObject({ request: { keepAlive: 30, connackProperties: { serverKeepAlive: 30 } } });
    expect(asked(0)).toMatchObject({ request: { keepAlive: 30, connackProperties: { serverKeepAlive: 30 } } });
  });

  test('only MQTT 5.0 has Server Keep Alive', () => {
    for (const keepalive of [0, 65_535]) expect(request({ keepalive })?.keepAlive).toBe(keepalive);
  });

  clause(
    ['MQTT-3.1.3-6', 'MQTT-3.1.3-7', 'MQTT-3.2.2-16'],
    'an empty client id gets one assigned, and CONNACK names it',
    () => {
      for (const clean of [true, false]) {
        expect(request5({ clientId: '', clean })).toMatchObject({
          clientId: 'assigned',
          connackProperties: { assignedClientIdentifier: 'assigned' },
        });
      }
    },
  );

  test('CONNACK does not repeat a client id that the client sent', () => {
    expect(request5()?.connackProperties).not.toHaveProperty('assignedClientIdentifier');
  });

  test('announces the limits of the client', () => {
    const properties = {
      receiveMaximum: 1,
      maximumPacketSize: 200,
      topicAliasMaximum: 0,
      requestProblemInformation: false,
    };

    expect(request5({ properties })?.capabilities).toEqual({
      receiveMaximum: 1,
      maximumPacketSize: 200,
      topicAliasMaximum: 0,
      noProblemInformation: true,
    });
    expect(request5({ properties: { requestProblemInformation: true } })?.capabilities).toEqual({});
    expect(request5({ properties: { receiveMaximum: 65_535 } })?.capabilities).toEqual({}); // equal to no limit
  });

  clause('MQTT-3.1.2-28', 'Response Information is only for those who asked', () => {
    const connackProperties = (properties: ConnectPacket['properties']) => request5({ properties })?.connackProperties;

    expect(connackProperties({ requestResponseInformation: true })).toMatchObject({
      responseInformation: 'response/kitchen',
    });
    expect(connackProperties({ requestResponseInformation: false })).not.toHaveProperty('responseInformation');
    expect(connackProperties({})).not.toHaveProperty('responseInformation');
  });

  test('Response Information contains the assigned client id', () => {
    const properties = { requestResponseInformation: true };

    expect(request5({ clientId: '', properties })?.connackProperties).toMatchObject({
      responseInformation: 'response/assigned',
    });
  });

  test('passes Authentication Method and Authentication Data on', () => {
    const properties = { authenticationMethod: 'SCRAM-SHA-1', authenticationData: Buffer.from('n,,n=ann,r=abc') };

    expect(request5({ properties })?.authentication).toEqual({
      method: 'SCRAM-SHA-1',
      data: Buffer.from('n,,n=ann,r=abc'),
    });
    expect(request5({ properties: { authenticationMethod: '' } })?.authentication).toEqual({ method: '' });
    expect(request5({})).not.toHaveProperty('authentication');
  });

  clause('MQTT-4.12.0-6', 'without an authentication method CONNACK names none', () => {
    expect(request5()?.connackProperties).not.toHaveProperty('authenticationMethod');
  });

  test('passes Will Delay Interval and Message Expiry Interval of the will on', () => {
    const will = { topic: 'w', payload: Buffer.from('gone'), qos: 2, retain: false } as const;
    const properties = { willDelayInterval: 30, messageExpiryInterval: 60 };

    expect(request5({ will: { ...will, properties } })?.will).toEqual({
      message: { ...will, publisher: 'kitchen' },
      delay: 30,
      expiry: 60,
    });
    expect(request5({ will })?.will).toEqual({ message: { ...will, publisher: 'kitchen' }, delay: 0 });
    expect(request5({ will: { ...will, properties: { messageExpiryInterval: 0 } } })?.will).toMatchObject({
      expiry: 0,
    });
  });

  clause('MQTT-3.1.3-10', 'the properties of a will are those of its message, user properties in their order', () => {
    const properties = {
      payloadFormatIndicator: true,
      contentType: 'text/plain',
      responseTopic: 'answers/here',
      correlationData: Buffer.alloc(0),
      userProperties: [
        ['b', '1'],
        ['a', '2'],
        ['b', '0'],
      ],
    } as const;
    const will = { topic: 'w', payload: Buffer.from('gone'), qos: 1, retain: true } as const;

    expect(request5({ will: { ...will, properties: { ...properties, willDelayInterval: 5 } } })?.will).toEqual({
      message: { ...will, publisher: 'kitchen', properties },
      delay: 5,
    });
  });

  clause('MQTT-3.1.3-7', 'the will of a client without an id of its own is published under the one assigned', () => {
    const will = { topic: 'w', payload: Buffer.from('gone'), qos: 1, retain: true } as const;

    expect(request5({ clientId: '', will })?.will?.message.publisher).toBe('assigned');
  });
});
