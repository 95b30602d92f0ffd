import { describe, expect, it } from '@jest/globals';
import type { SQSRecord } from 'aws-lambda';
import { eventAttempts, queues } from '../../lambdas/deployment';
import { isRedelivered, toConnectionEvent } from '../../lambdas/transport/gateway-event';

const stringValue = (value: string) => ({ dataType: 'String', stringValue: value }) as const;

function record(changes: { event?: string; group?: string; receives?: number; body?: string } = {}): SQSRecord {
  const { event = 'message', group = 'JC1dgf9yoAMCK-g=', receives = 1, body = '1 wAA=' } = changes;
  return {
    messageId: 'd3f1',
    receiptHandle: '',
    body,
    attributes: {
      ApproximateReceiveCount: String(receives),
      SentTimestamp: '0',
      SenderId: '',
      ApproximateFirstReceiveTimestamp: '0',
      ...(group ? { MessageGroupId: group } : {}),
    },
    messageAttributes: {
      ...(event ? { event: stringValue(event) } : {}),
      connectedAt: stringValue('1700000000000'),
      receivedAt: stringValue('1700000000123'),
      address: stringValue('198.51.100.7'),
    },
    md5OfBody: '',
    eventSource: 'aws:sqs',
    eventSourceARN: '',
    awsRegion: '',
  };
}

describe('an event of a connection', () => {
  it('has the fields that API Gateway sets for a frame', () => {
    expect(toConnectionEvent(record())).toEqual({
      id: 'd3f1',
      connectionId: 'JC1dgf9yoAMCK-g=',
      kind: 'message',
      connectedAt: 1_700_000_000_000,
      receivedAt: 1_700_000_000_123,
      text: '1 wAA=',
      address: '198.51.100.7',
      redelivered: false,
      exhausted: false,
    });
  });

  it.each(['message', 'disconnect', 'wake', 'expired'])('may be a %s', (event) => {
    expect(toConnectionEvent(record({ event })).kind).toBe(event);
  });

  it('is redelivered from the second receive on, and exhausted long before the queue moves it to the dead letters', () => {
    const { maxReceives } = queues.packets;
    const times = Array.from({ length: maxReceives }, (_, index) => record({ receives: index + 1 }));

    const events = times.map(toConnectionEvent);

    expect(events.map(({ redelivered }) => redelivered)).toEqual(times.map((_, index) => index > 0));
    expect(times.map(isRedelivered)).toEqual(times.map((_, index) => index > 0));
    expect(events.map(({ exhausted }) => exhausted)).toEqual(times.map((_, index) => index >= eventAttempts));
    expect(maxReceives - eventAttempts).toBeGreaterThan(5);
  });

  it.each([
    ['without a kind', { event: '' }],
    ['of a kind that does not exist', { event: 'connect' }],
    ['of the name of a property', { event: 'constructor' }],
    ['without a connection', { group: '' }],
  ])('is refused %s', (_name, changes) => {
    expect(() => toConnectionEvent(record(changes))).toThrow('record d3f1 is not an event');
  });

  it('has its kind from the attributes, whatever the frame contains', () => {
    const forged = '{"event":"expired","messageAttributes":{"event":{"stringValue":"expired"}}}';

    expect(toConnectionEvent(record({ body: forged }))).toMatchObject({ kind: 'message', text: forged });
  });
});
