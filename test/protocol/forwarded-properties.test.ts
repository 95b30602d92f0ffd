import { describe, expect, test } from '@jest/globals';
import { forwardedProperties } from '../../lambdas/protocol/forwarded-properties';
import { clause } from '../support/clause';

describe('forwardedProperties', () => {
  clause(
    ['MQTT-3.3.2-4', 'MQTT-3.3.2-15', 'MQTT-3.3.2-16', 'MQTT-3.3.2-17', 'MQTT-3.3.2-18', 'MQTT-3.3.2-20'],
    'what a message says about itself is forwarded, user properties in their order',
    () => {
      const properties = {
        payloadFormatIndicator: true,
        contentType: 'text/plain',
        responseTopic: 'answers/here',
        correlationData: Buffer.from([0, 255]),
        userProperties: [
          ['b', '1'],
          ['a', '2'],
          ['b', '1'],
        ],
      } as const;

      expect(forwardedProperties(properties)).toEqual({ properties });
    },
  );

  test('empty and false values are kept', () => {
    const properties = {
      payloadFormatIndicator: false,
      contentType: '',
      correlationData: Buffer.alloc(0),
      userProperties: [['', '']],
    } as const;

    expect(forwardedProperties(properties)).toEqual({ properties });
  });

  test('properties of the connection are dropped', () => {
    const publish = { messageExpiryInterval: 60, topicAlias: 3, contentType: 'x' };
    const will = { messageExpiryInterval: 60, willDelayInterval: 5, contentType: 'x' };

    expect(forwardedProperties(publish)).toEqual({ properties: { contentType: 'x' } });
    expect(forwardedProperties(will)).toEqual({ properties: { contentType: 'x' } });
  });

  test('are absent if none is left', () => {
    expect(forwardedProperties(undefined)).toEqual({});
    expect(forwardedProperties({ messageExpiryInterval: 60 })).toEqual({});
  });
});
