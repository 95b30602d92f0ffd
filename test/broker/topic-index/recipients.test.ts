import { describe, expect, it } from '@jest/globals';
import type { Subscriber } from '../../../lambdas/broker/model/subscription';
import { recipientsOf, subscriptionFor } from '../../../lambdas/broker/topic-index/recipients';
import type { Message } from '../../../lambdas/protocol/effects';
import { clause } from '../../support/clause';

const [older, newer] = ['000000000000001#a', '000000000000002#b'];

function row(clientId: string, filter: string, fields: Partial<Subscriber> = {}): Subscriber {
  return { filter, clientId, session: older, qos: 1, ...fields };
}

function publishedBy(publisher?: string): Message {
  return { topic: 'a/b', payload: Buffer.from('x'), qos: 1, retain: false, ...(publisher && { publisher }) };
}

/** Returns the subscription by which the only client among these rows gets a message. */
function subscription(rows: readonly Subscriber[], publisher?: string): Subscriber | undefined {
  const { nonShared } = recipientsOf(rows);
  expect(nonShared).toHaveLength(1);
  return subscriptionFor(nonShared[0]!, publishedBy(publisher));
}

describe('the recipients of a topic', () => {
  it('may be none', () => {
    expect(recipientsOf([])).toEqual({ nonShared: [], shared: [] });
  });

  it('are all subscribers with their subscriptions', () => {
    const rows = [row('one', 'a/b', { identifiers: [7] }), row('two', 'a/b', { retainAsPublished: true, qos: 0 })];

    expect(recipientsOf(rows)).toEqual({ nonShared: rows, shared: [] });
  });

  clause(
    ['MQTT-3.3.4-2', 'v3 MQTT-3.3.5-1'],
    'a client with several matching filters is served once, at their highest QoS',
    () => {
      const rows = [row('one', 'a/b', { qos: 0 }), row('one', 'a/+', { qos: 2 }), row('one', '#', { qos: 1 })];

      expect(subscription(rows)).toMatchObject({ clientId: 'one', session: older, qos: 2 });
      expect(subscription([...rows].reverse())).toMatchObject({ qos: 2 });
    },
  );

  clause(
    ['MQTT-3.3.4-3', 'MQTT-3.3.4-4'],
    'the one copy has the identifiers of all matching subscriptions, each once',
    () => {
      const rows = [
        row('one', 'a/b', { identifiers: [7] }),
        row('one', 'a/+', { qos: 2 }),
        row('one', 'a/#', { identifiers: [3] }),
        row('one', '#', { identifiers: [7] }),
      ];

      expect([...(subscription(rows)?.identifiers ?? [])].sort()).toEqual([3, 7]);
    },
  );

  it('have no identifiers where no subscription has one', () => {
    expect(subscription([row('one', 'a/b'), row('one', '#')])).not.toHaveProperty('identifiers');
  });

  clause('MQTT-3.3.1-13', 'Retain As Published of one matching subscription is enough', () => {
    const rows = [row('one', 'a/b', { qos: 2 }), row('one', '#', { retainAsPublished: true, qos: 0 })];

    expect(subscription(rows)).toMatchObject({ qos: 2, retainAsPublished: true });
    expect(subscription([...rows].reverse())).toMatchObject({ qos: 2, retainAsPublished: true });
  });

  it('include a client by the subscriptions of its newest session, whatever an older one was granted', () => {
    const rows = [
      row('one', 'a/b', { qos: 2, identifiers: [7], retainAsPublished: true, noLocal: true }),
      row('one', '#', { session: newer, qos: 0 }),
    ];

    for (const order of [rows, [...rows].reverse()]) {
      expect(subscription(order, 'one')).toEqual(row('one', '#', { session: newer, qos: 0 }));
    }
  });

  it('separate shared from non-shared subscriptions, also of the same client', () => {
    const plain = row('one', 'a/b', { qos: 0 });
    const members = [row('one', 'a/b', { share: 'g', qos: 2, identifiers: [7] }), row('two', '#', { share: 'g' })];

    expect(recipientsOf([members[0]!, plain, members[1]!])).toEqual({ nonShared: [plain], shared: members });
  });
});

describe('No Local', () => {
  const local = row('one', 'a/b', { noLocal: true, identifiers: [7], qos: 2 });
  const plain = row('one', '#', { identifiers: [3], qos: 0 });

  clause('MQTT-3.8.3-3', 'a client does not receive its own messages', () => {
    expect(subscription([local], 'one')).toBeUndefined();
    expect(subscription([local, row('one', 'a/+', { noLocal: true })], 'one')).toBeUndefined();
  });

  clause('MQTT-3.8.3-3', 'a client receives the messages of others', () => {
    for (const publisher of ['two', undefined]) {
      expect(subscription([local], publisher)).toMatchObject({ qos: 2, identifiers: [7] });
    }
  });

  it('keeps the other subscriptions of the client', () => {
    for (const order of [
      [local, plain],
      [plain, local],
    ]) {
      expect(subscription(order, 'one')).toEqual(plain);
      expect(subscription(order, 'two')).toMatchObject({ qos: 2 });
      expect([...(subscription(order, 'two')?.identifiers ?? [])].sort()).toEqual([3, 7]);
    }
  });

  it('merges all of them into one', () => {
    const other = row('one', 'a/#', { identifiers: [5], qos: 1, retainAsPublished: true });
    const left = subscription([plain, local, other], 'one');

    expect(left).toMatchObject({ qos: 1, retainAsPublished: true });
    expect([...(left?.identifiers ?? [])].sort()).toEqual([3, 5]);
  });

  it('of an older session does not apply to the newer one', () => {
    const rows = [local, row('one', '#', { session: newer })];

    expect(subscription(rows, 'one')).toEqual(row('one', '#', { session: newer }));
  });

  it('of one client does not apply to another', () => {
    const { nonShared } = recipientsOf([local, row('two', 'a/b')]);

    expect(nonShared.map((recipient) => subscriptionFor(recipient, publishedBy('two'))?.clientId)).toEqual([
      'one',
      'two',
    ]);
    expect(nonShared.map((recipient) => subscriptionFor(recipient, publishedBy('one'))?.clientId)).toEqual([
      undefined,
      'two',
    ]);
  });
});
