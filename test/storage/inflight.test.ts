import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { InflightStore, RingItem } from '../../lambdas/broker/ports';
import { packetIdOf } from '../../lambdas/broker/ring';
import { DynamoInflightStore } from '../../lambdas/storage/inflight';
import { Engine } from './support/engine';
import { everyByte, longest, message } from './support/messages';

const [first, second, third] = ['000000000000001#a', '000000000000002#b', '000000000000003#c'];

let engine: Engine;
let store: InflightStore;
const now = 1_700_000_000_000;

beforeAll(async () => {
  engine = await Engine.start();
  store = new DynamoInflightStore(engine.client(), engine.client(), engine.table('inflight'), () => now);
});

afterAll(() => engine.stop());

/** A QoS 1 message that waits to be sent. */
function item(session: string, number: number, fields: Partial<RingItem> = {}): RingItem {
  return {
    session,
    number,
    message: message('a/b', `${number}`, { retain: false }),
    qos: 1,
    retain: false,
    state: 'published',
    sentOn: '',
    sentBy: '',
    ...fields,
  };
}

async function numbersIn(session: string, outSeq: number): Promise<number[]> {
  const numbers: number[] = [];
  for await (const page of store.ring(session, outSeq)) numbers.push(...page.map(({ number }) => number));
  return numbers;
}

describe('outgoing messages', () => {
  it('come back as they were put', async () => {
    const items = [
      item('back', 1, { message: message('a/b', everyByte, { qos: 2 }), qos: 2, id: 'event.0', retain: true }),
      item('back', 2, { message: message(longest('a', 'b'), ''), sentOn: first, sentBy: 'event' }),
      item('back', 3, { state: 'released', expiresAt: 1_800_000_000 }),
    ];

    await store.put(items);

    for (const one of items) expect(await store.read('back', one.number)).toEqual(one);
    expect(await store.read('back', 4)).toBeUndefined();
    expect(await store.read('elsewhere', 1)).toBeUndefined();
  });

  it('are put and removed by the dozen, removed ones again', async () => {
    const numbers = Array.from({ length: 60 }, (_, index) => index + 1);
    await store.put(numbers.map((number) => item('dozens', number)));
    expect(await numbersIn('dozens', 60)).toEqual(numbers);

    await store.remove('dozens', [...numbers.slice(0, 58), 1, 2, 3]);
    await store.remove('dozens', [1]);

    expect(await numbersIn('dozens', 60)).toEqual([59, 60]);
  });

  it('lose their payload when they were received, and stay in their place', async () => {
    await store.put([item('received', 1, { qos: 2, id: 'x', sentOn: first })]);

    await store.markReceived('received', [1]);
    await store.markReceived('received', [1]);

    const released = await store.read('received', 1);
    expect(released).toMatchObject({ state: 'released', number: 1, id: 'x', sentOn: first });
    expect(released?.message.payload).toEqual(Buffer.alloc(0));
  });

  it('are received by the dozen, those that are still there', async () => {
    const numbers = Array.from({ length: 30 }, (_, index) => index + 1);
    await store.put(numbers.map((number) => item('receives', number, { qos: 2, id: `x${number}`, sentOn: first })));
    await store.remove('receives', [30]);

    await store.markReceived('receives', [...numbers, 1, 2, 3]);

    const left = await store.readMany('receives', [...numbers, 1, 2, 3]);
    expect(left.map(({ number }) => number).sort((one, other) => one - other)).toEqual(numbers.slice(0, 29));
    expect(
      left.every(({ state, sentOn, message }) => state === 'released' && sentOn === first && !message.payload.length),
    ).toBe(true);
  });

  it('are not brought back by a late PUBREC', async () => {
    await store.markReceived('never', [1]);

    expect(await store.read('never', 1)).toBeUndefined();
  });
});

describe('the claim of an outgoing message', () => {
  it('is granted to one of two', async () => {
    const waiting = item('two', 1);
    await store.put([waiting]);

    const results = await Promise.all([store.claim(waiting, first, 'e1'), store.claim(waiting, second, 'e2')]);

    expect(results.sort()).toEqual(['claimed', 'taken']);
  });

  it('leaves its trace, and a newer connection may claim it from there', async () => {
    const waiting = item('trace', 1);
    await store.put([waiting]);

    expect(await store.claim(waiting, first, 'e1')).toBe('claimed');
    expect(await store.read('trace', 1)).toEqual({ ...waiting, sentOn: first, sentBy: 'e1' });
    expect(await store.claim(waiting, second, 'e2')).toBe('taken');
    expect(await store.claim({ ...waiting, sentOn: first }, second, 'e2')).toBe('claimed');
  });

  it('is too late once the message was acknowledged, received, or its slot used anew', async () => {
    const items = [item('past', 1), item('past', 2, { qos: 2 }), item('past', 3)];
    await store.put(items);
    await store.remove('past', [1]);
    await store.markReceived('past', [2]);
    await store.put([item('past', 3 + 65_535)]);

    expect(await Promise.all(items.map((one) => store.claim(one, first, 'e')))).toEqual(['taken', 'taken', 'taken']);
    expect(await store.read('past', 1)).toBeUndefined();
  });

  it('is given back when the gateway refused the packet', async () => {
    await store.put([item('refused', 1, { sentOn: first })]);

    await store.unsend('refused', 1, first);
    await store.unsend('refused', 1, first);

    expect(await store.read('refused', 1)).toMatchObject({ sentOn: '' });
  });

  it('that is given back leaves the message sent on the connection before, so that it is marked as a duplicate', async () => {
    const sent = item('before', 1, { sentOn: first });
    await store.put([sent]);
    await store.claim(sent, second, 'e2');

    await store.unsend('before', 1, second);

    expect(await store.read('before', 1)).toMatchObject({ sentOn: first });
    expect(await store.claim({ ...sent, sentOn: first }, second, 'e3')).toBe('claimed');
  });

  it('of a newer connection, or of another message in the slot, is not given back', async () => {
    await store.put([item('others', 1, { sentOn: second }), item('others', 2 + 65_535, { sentOn: first })]);

    await store.unsend('others', 1, first);
    await store.unsend('others', 2, first);
    await store.unsend('others', 3, first);

    expect(await store.read('others', 1)).toMatchObject({ sentOn: second });
    expect(await store.read('others', 2)).toMatchObject({ sentOn: first });
    expect(await store.read('others', 3)).toBeUndefined();
  });
});

describe('the ring', () => {
  it.each([
    ['begins', 1],
    ['wraps', 65_530],
    ['wraps for the second time', 2 * 65_535 - 4],
    ['is far behind the wrap', 70_000],
  ])('is in the order of numbers where it %s', async (name, start) => {
    const numbers = Array.from({ length: 12 }, (_, index) => start + index);
    const outSeq = numbers.at(-1) ?? 0;
    await store.put([...numbers].reverse().map((number) => item(name, number)));

    expect(await numbersIn(name, outSeq)).toEqual(numbers);
    expect(await store.oldest(name, outSeq)).toBe(start);

    await store.remove(name, numbers.slice(0, 8).map(packetIdOf));
    expect(await numbersIn(name, outSeq)).toEqual(numbers.slice(8));
    expect(await store.oldest(name, outSeq)).toBe(start + 8);
  });

  it.each([
    ['at the beginning', 5],
    ['up to the wrap', 65_535],
    ['behind the wrap', 65_540],
  ])('leaves out what was reserved after the newest number was read, %s', async (name, outSeq) => {
    const numbers = [-3, -1, 0, 1, 2, 3].map((distance) => outSeq + distance);
    await store.put(numbers.map((number) => item(name, number)));

    expect(await numbersIn(name, outSeq)).toEqual(numbers.slice(0, 3));
    expect(await store.oldest(name, outSeq)).toBe(outSeq - 3);

    await store.remove(name, numbers.slice(0, 3).map(packetIdOf));
    expect(await numbersIn(name, outSeq)).toEqual([]);
    expect(await store.oldest(name, outSeq)).toBeUndefined();
  });

  it('may be empty', async () => {
    expect(await numbersIn('empty', 0)).toEqual([]);
    expect(await numbersIn('empty', 70_000)).toEqual([]);
    expect(await store.oldest('empty', 0)).toBeUndefined();
  });

  it('holds more than one page, in order across the wrap', async () => {
    const numbers = Array.from({ length: 30 }, (_, index) => 65_520 + index);
    const large = message('a', Buffer.alloc(90_000, 'x'));
    await store.put(numbers.map((number) => item('large', number, { message: large })));

    expect(await numbersIn('large', 65_549)).toEqual(numbers);
    await store.clear('large');
    expect(await numbersIn('large', 65_549)).toEqual([]);
  });
});

describe('incoming QoS 2 messages', () => {
  const held = { packetId: 7, id: 'event.0', holder: 'one', message: message('a/b', everyByte, { qos: 2 }) };

  it('are held until they are forgotten', async () => {
    const other = { ...held, packetId: 8, message: message('a', '') };
    await store.hold('held', [held, other]);

    expect(await store.held('held', [7])).toEqual([held]);
    expect(await store.held('held', [8, 8])).toEqual([other]);
    await store.forget('held', [7, 7]);
    await store.forget('held', [7]);
    expect(await store.held('held', [7, 8])).toEqual([other]);
  });

  it('replace what was held under the same packet id, within a batch too', async () => {
    await store.hold('replaced', [held]);
    await store.hold('replaced', [
      { ...held, id: 'event.1' },
      { ...held, id: 'event.2' },
    ]);

    expect(await store.held('replaced', [7])).toEqual([{ ...held, id: 'event.2' }]);
  });

  it('lie apart from outgoing ones with the same packet id', async () => {
    await store.put([item('apart', 7)]);
    await store.hold('apart', [held]);
    await store.forget('apart', [7]);

    expect(await store.read('apart', 7)).toEqual(item('apart', 7));
    expect(await numbersIn('apart', 7)).toEqual([7]);
  });

  it('are adopted by one connection of two', async () => {
    await store.hold('adopted', [held]);

    const results = await Promise.all([store.adopt('adopted', held, 'two'), store.adopt('adopted', held, 'three')]);

    expect(results.sort()).toEqual(['adopted', 'changed']);
    expect(await store.held('adopted', [7])).not.toContainEqual(held);
  });

  it('are not adopted when another message has taken the packet id, or when they are gone', async () => {
    await store.hold('reused', [{ ...held, id: 'event.9' }]);

    expect(await store.adopt('reused', held, 'two')).toBe('changed');
    expect(await store.adopt('gone', held, 'two')).toBe('changed');
    expect(await store.held('gone', [7])).toEqual([]);
  });
});

describe('records of what was routed', () => {
  it('tell the number and, in the end, that it is done', async () => {
    const records = [
      { session: 'told', id: 'event.0', number: 7, done: false },
      { session: 'told', id: 'event.1', number: 8, done: false },
    ];
    await store.putOnce(records);
    await store.putOnce([{ ...records[0]!, done: true }]);

    const found = await store.once([
      ...records,
      { session: 'told', id: 'event.2' },
      { session: 'other', id: 'event.0' },
    ]);
    expect(found.sort((one, other) => one.number - other.number)).toEqual([{ ...records[0], done: true }, records[1]]);
  });

  it('are replaced when the message gets another number', async () => {
    await store.putOnce([{ session: 'renumbered', id: 'x', number: 7, done: false }]);
    await store.putOnce([{ session: 'renumbered', id: 'x', number: 9, done: false }]);

    expect(await store.once([{ session: 'renumbered', id: 'x' }])).toMatchObject([{ number: 9 }]);
  });

  it('may be asked for twice in one breath, for none, and for more than one batch holds', async () => {
    const records = Array.from({ length: 130 }, (_, number) => ({
      session: 'batch',
      id: `x${number}`,
      number,
      done: false,
    }));
    await store.putOnce(records);

    expect(await store.once([records[0]!, records[0]!])).toEqual([records[0]]);
    expect(await store.once([])).toEqual([]);
    expect(await store.once(records)).toHaveLength(130);
  });

  it('have ids as long as the filter of a subscription', async () => {
    const [one, other] = [`event.0/${longest('a', 'b')}/0`, `event.0/${longest('a', 'b')}/1`];
    await store.putOnce([{ session: 'long', id: one, number: 1, done: false }]);
    await store.putOnce([{ session: 'long', id: one, number: 1, done: true }]);

    const found = await store.once([one, other].map((id) => ({ session: 'long', id })));
    expect(found).toHaveLength(1);
    expect(found[0]?.id === one && found[0].done).toBe(true);
  });
});

describe('a session that is wiped', () => {
  it('has no rows of any kind any more, and others keep theirs', async () => {
    for (const session of [first, second, `${second}x`]) {
      await store.put(Array.from({ length: 30 }, (_, index) => item(session, index + 1)));
      await store.hold(session, [{ packetId: 1, id: 'x', holder: 'c', message: message('a') }]);
      await store.putOnce([{ session, id: 'x', number: 1, done: false }]);
    }

    await store.clear(second);
    await store.clear(second);
    await store.clear(third);

    expect(await numbersIn(second, 30)).toEqual([]);
    expect(await store.held(second, [1])).toEqual([]);
    expect(await store.once([{ session: second, id: 'x' }])).toEqual([]);
    for (const session of [first, `${second}x`]) {
      expect(await numbersIn(session, 30)).toHaveLength(30);
      expect(await store.held(session, [1])).toHaveLength(1);
      expect(await store.once([{ session, id: 'x' }])).toHaveLength(1);
    }
  });
});
