import { describe, expect, it } from '@jest/globals';
import { assignPositions, liveConnection, toQueueItems } from '../../../lambdas/broker/delivery/queue-items';
import type { Delivery } from '../../../lambdas/broker/model/delivery';
import { bundleSize } from '../../../lambdas/broker/model/queue-slots';
import type { SessionItem } from '../../../lambdas/broker/model/session';
import type { ForwardedProperties } from '../../../lambdas/protocol/effects';

function session(fields: Partial<SessionItem> = {}): SessionItem {
  return {
    ...{ clientId: 'c', session: 's', persistent: true, owner: 'a', fence: 'f', connackSentOn: 'f', version: 5 },
    ...{ outSeq: 8, wakeRequests: 0, wakeHandled: 0, offlineFrom: 0, acknowledgedUpTo: 0, capabilities: {} },
    identity: { kind: 'anonymous' },
    ...fields,
  };
}

function eight(qos: 1 | 2, properties: ForwardedProperties = {}): Delivery[] {
  return Array.from({ length: bundleSize }, (_, index) => ({
    incoming: {
      message: { topic: 't', payload: Buffer.from('x'), qos, retain: false, publisher: 'p', properties },
      id: `event.${index}`,
      ...{ replay: false, attempted: false, retained: false },
    },
    qos,
    retain: false,
  }));
}

describe('eight messages for one session', () => {
  it('share an item without their publisher', () => {
    const items = toQueueItems(assignPositions(session(), eight(1)), 0);

    expect(items.map(({ messages }) => messages.length)).toEqual([bundleSize]);
    expect(items.flatMap(({ messages }) => messages).map(({ message }) => message.publisher)).toEqual(
      Array(bundleSize).fill(undefined),
    );
  });

  it.each([
    ['have large properties', session(), eight(1, { userProperties: [['n', 'v'.repeat(60_000)]] })],
    ['are of QoS 2', session(), eight(2)],
    ['go to a client with a Receive Maximum', session({ capabilities: { receiveMaximum: 100 } }), eight(1)],
  ])('lie alone when they %s', (_, to, deliveries) => {
    expect(toQueueItems(assignPositions(to, deliveries), 0).length).toBe(bundleSize);
  });
});

describe('the connection that a new message may be sent to at once', () => {
  it.each([
    ['the owner', session(), 'a'],
    ['none while the client is away', session({ owner: undefined }), undefined],
    ['none while older ones wait', session({ wakeRequests: 1 }), undefined],
    [
      'the owner whose Receive Maximum is not reached',
      session({ acknowledgedUpTo: 5, capabilities: { receiveMaximum: 3 } }),
      'a',
    ],
    [
      'none whose Receive Maximum might be reached',
      session({ acknowledgedUpTo: 4, capabilities: { receiveMaximum: 3 } }),
      undefined,
    ],
  ])('is %s', (_, to, owner) => {
    expect(liveConnection(to)).toBe(owner);
  });
});
