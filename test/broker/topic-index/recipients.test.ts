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

/** What the only client among these rows hears of a message. */
function heard(rows: readonly Subscriber[], publisher?: string): Subscriber | undefined {
  const { nonShared } = recipientsOf(rows);
  expect(nonShared).toHaveLength(1);
  return subscriptionFor(nonShared[0]!, publishedBy(publisher));
}

describe('an audience', () => {
  it('may be empty', () => {
    expect(recipientsOf([])).toEqual({ everyone: [], members: [] });
  });

  it('is everybody who subscribed, as they did', () => {
    const rows = [row('one', 'a/b', { identifiers: [7] }), row('two', 'a/b', { retainAsPublished: true, qos: 0 })];

    expect(recipientsOf(rows)).toEqual({ everyone: rows, members: [] });
  });

  clause(
    ['MQTT-3.3.4-2', 'v3 MQTT-3.3.5-1'],
    'a client with several matching filters is served once, at their highest QoS',
    () => {
      const rows = [row('one', 'a/b', { qos: 0 }), row('one', 'a/+', { qos: 2 }), row('one', '#', { qos: 1 })];

      expect(heard(rows)).toMatchObject({ clientId: 'one', session: older, qos: 2 });
      expect(heard([...rows].reverse())).toMatchObject({ qos: 2 });
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

      expect([...(heard(rows)?.identifiers ?? [])].sort()).toEqual([3, 7]);
    },
  );

  it('has no identifiers where no subscription has one', () => {
    expect(heard([row('one', 'a/b'), row('one', '#')])).not.toHaveProperty('identifiers');
  });

  clause('MQTT-3.3.1-13', 'Retain As Published of one matching subscription is enough', () => {
    const rows = [row('one', 'a/b', { qos: 2 }), row('one', '#', { retainAsPublished: true, qos: 0 })];

    expect(heard(rows)).toMatchObject({ qos: 2, retainAsPublished: true });
    expect(heard([...rows].reverse())).toMatchObject({ qos: 2, retainAsPublished: true });
  });

  it('takes a client at the subscriptions of its newer session, whatever an older one was granted', () => {
    const rows = [
      row('one', 'a/b', { qos: 2, identifiers: [7], retainAsPublished: true, noLocal: true }),
      row('one', '#', { session: newer, qos: 0 }),
    ];

    for (const order of [rows, [...rows].reverse()]) {
      expect(heard(order, 'one')).toEqual(row('one', '#', { session: newer, qos: 0 }));
    }
  });

  it('tells members of shares from everybody else, also where they are the same client', () => {
    const plain = row('one', 'a/b', { qos: 0 });
    const members = [row('one', 'a/b', { share: 'g', qos: 2, identifiers: [7] }), row('two', '#', { share: 'g' })];

    expect(recipientsOf([members[0]!, plain, members[1]!])).toEqual({ everyone: [plain], members });
  });
});

describe('No Local', () => {
  const local = row('one', 'a/b', { noLocal: true, identifiers: [7], qos: 2 });
  const plain = row('one', '#', { identifiers: [3], qos: 0 });

  clause('MQTT-3.8.3-3', 'a client does not hear itself', () => {
    expect(heard([local], 'one')).toBeUndefined();
    expect(heard([local, row('one', 'a/+', { noLocal: true })], 'one')).toBeUndefined();
  });

  clause('MQTT-3.8.3-3', 'a client hears everybody else', () => {
    for (const publisher of ['two', undefined]) {
      expect(heard([local], publisher)).toMatchObject({ qos: 2, identifiers: [7] });
    }
  });

  it('leaves a client what its other subscriptions grant', () => {
    for (const order of [
      [local, plain],
      [plain, local],
    ]) {
      expect(heard(order, 'one')).toEqual(plain);
      expect(heard(order, 'two')).toMatchObject({ qos: 2 });
      expect([...(heard(order, 'two')?.identifiers ?? [])].sort()).toEqual([3, 7]);
    }
  });

  it('leaves it all of them as one', () => {
    const other = row('one', 'a/#', { identifiers: [5], qos: 1, retainAsPublished: true });
    const left = heard([plain, local, other], 'one');

    expect(left).toMatchObject({ qos: 1, retainAsPublished: true });
    expect([...(left?.identifiers ?? [])].sort()).toEqual([3, 5]);
  });

  it('of an older session says nothing of the newer one', () => {
    const rows = [local, row('one', '#', { session: newer })];

    expect(heard(rows, 'one')).toEqual(row('one', '#', { session: newer }));
  });

  it('of one client is nothing to another', () => {
    const { nonShared } = recipientsOf([local, row('two', 'a/b')]);

    expect(nonShared.map((listener) => subscriptionFor(listener, publishedBy('two'))?.clientId)).toEqual([
      'one',
      'two',
    ]);
    expect(nonShared.map((listener) => subscriptionFor(listener, publishedBy('one'))?.clientId)).toEqual([
      undefined,
      'two',
    ]);
  });
});
