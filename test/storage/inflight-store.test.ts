import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bundleSize, positionAlone, positionsFor } from '../../lambdas/broker/model/queue-slots';
import type { QueuedMessage, QueueItem } from '../../lambdas/broker/model/queued-message';
import type { InflightStore } from '../../lambdas/broker/ports/inflight-store';
import type { Message } from '../../lambdas/protocol/effects';
import { DynamoInflightStore } from '../../lambdas/storage/inflight-store';
import { Engine } from './support/engine';
import { emptyMessage, everyByte, fullMessage, longest, message } from './support/messages';

const [first, second, third] = ['000000000000001#a', '000000000000002#b', '000000000000003#c'];

let engine: Engine;
let store: InflightStore;
const now = 1_700_000_000_000;

beforeAll(async () => {
  engine = await Engine.start();
  store = new DynamoInflightStore({
    db: engine.client(),
    dbWithoutRetries: engine.client(),
    table: engine.table('inflight'),
    now: () => now,
  });
});

afterAll(() => engine.stop());

/** The single message in the slot of this number. */
function content(number: number, what: Message, retain = false): QueuedMessage {
  return { packetId: positionAlone(number).packetId, message: what, retain };
}

/** A QoS 1 message that waits in the queue. */
function item(session: string, number: number, fields: Partial<QueueItem> = {}): QueueItem {
  return {
    session,
    number,
    slot: positionAlone(number).slot,
    messages: [content(number, message('a/b', `${number}`, { retain: false }))],
    qos: 1,
    state: 'published',
    sentOn: '',
    sentBy: '',
    ...fields,
  };
}

async function numbersIn(session: string, outSeq: number): Promise<number[]> {
  const numbers: number[] = [];
  for await (const page of store.inOrder(session, outSeq)) numbers.push(...page.map(({ number }) => number));
  return numbers;
}

describe('outgoing messages', () => {
  it('come back as they were put', async () => {
    const items = [
      item('back', 1, { messages: [content(1, message('a/b', everyByte, { qos: 2 }), true)], qos: 2, id: 'event.0' }),
      item('back', 2, { messages: [content(2, message(longest('a', 'b'), ''))], sentOn: first, sentBy: 'event' }),
      item('back', 3, { state: 'released', expiresAt: 1_800_000_000 }),
    ];

    await store.put(items);

    for (const one of items) expect(await store.read('back', one.number)).toEqual(one);
    expect(await store.read('back', 4)).toBeUndefined();
    expect(await store.read('elsewhere', 1)).toBeUndefined();
  });

  it('are read with all properties, identifiers and share', async () => {
    const share = { filter: 'a/+', share: 'group' };
    const items = [
      item('properties', 1, { messages: [{ ...content(1, fullMessage('a/b')), identifiers: [7, 268_435_455] }] }),
      item('properties', 2, { messages: [{ ...content(2, emptyMessage('a/b')), share }] }),
      item('properties', 3, {
        messages: [{ ...content(3, fullMessage('a/b'), true), identifiers: [1], share }],
        qos: 2,
      }),
      item('properties', 4, {
        messages: [{ ...content(4, message('a')), share: { filter: longest('a', 'b'), share: 'g' } }],
      }),
    ];

    await store.put(items);

    for (const one of items) expect(await store.read('properties', one.number)).toEqual(one);
    expect(await store.readMany('properties', [1, 2])).toEqual(expect.arrayContaining(items.slice(0, 2)));
  });

  it('keep all but their payload when they were received', async () => {
    const share = { filter: 'a/+', share: 'group' };
    const sent = item('keeps', 1, {
      messages: [{ ...content(1, fullMessage('a/b')), identifiers: [7], share }],
      qos: 2,
    });
    await store.put([sent]);

    await store.markReceived('keeps', [1]);

    const [left] = (await store.read('keeps', 1))?.messages ?? [];
    expect(left).toEqual({ ...sent.messages[0], message: { ...fullMessage('a/b'), payload: Buffer.alloc(0) } });
  });

  it('are written and removed in batches, removed ones again', async () => {
    const numbers = Array.from({ length: 60 }, (_, index) => index + 1);
    await store.put(numbers.map((number) => item('dozens', number)));
    expect(await numbersIn('dozens', 60)).toEqual(numbers);

    await store.remove('dozens', [...numbers.slice(0, 58), 1, 2, 3]);
    await store.remove('dozens', [1]);

    expect(await numbersIn('dozens', 60)).toEqual([59, 60]);
  });

  it('are deleted at QoS 1, alone or in a bundle, and are not changed at QoS 2', async () => {
    const eights = [bundle('settles', 9), bundle('settles', 17)];
    const atQos2 = [
      item('settles', 2, { qos: 2, id: 'x' }),
      item('settles', 3, { qos: 2, id: 'y', state: 'released' }),
    ];
    await store.put([item('settles', 1), ...atQos2, ...eights]);
    const [whole = [], part = []] = eights.map(packetIdsOf);

    const misfits = await store.acknowledge('settles', [1, 2, 3, 4, 1, 2, ...whole, ...part.slice(1)]);

    expect(misfits).toEqual({ mismatched: expect.arrayContaining([2, 3]), unknown: 1 });
    expect(await numbersIn('settles', 24)).toEqual([2, 3, 17]);
    expect(await store.readMany('settles', [2, 3])).toEqual(expect.arrayContaining(atQos2));
    expect(await store.acknowledge('settles', [1, 4, ...whole])).toEqual({ mismatched: [], unknown: 2 });
  });

  it('in many bundles are read before they are removed, and cost nothing where there are none', async () => {
    const eights = [bundle('bundles', 9), bundle('bundles', 17)];
    await store.put(eights);
    const there = eights.flatMap(packetIdsOf);
    const absent = Array.from({ length: 20 * 8 }, (_, index) => 40_000 + index);

    expect(await store.acknowledge('bundles', [...there, ...absent])).toEqual({
      mismatched: [],
      unknown: absent.length,
    });
    expect(await numbersIn('bundles', 24)).toEqual([]);
  });

  it('are marked as received only at QoS 2; otherwise the result is mismatched or unknown', async () => {
    const eight = bundle('misfits', 9);
    const alone = item('misfits', 1);
    await store.put([alone, item('misfits', 2, { qos: 2, id: 'x' }), eight]);
    const [first = 0, second = 0] = packetIdsOf(eight);
    await store.remove('misfits', [first]);

    expect(await store.markReceived('misfits', [1])).toEqual(new Map([[1, 'mismatched']]));
    expect(await store.markReceived('misfits', [2])).toEqual(new Map());
    expect(await store.markReceived('misfits', [first])).toEqual(new Map([[first, 'unknown']]));
    expect(await store.markReceived('misfits', [1, 2, 3, first, second])).toEqual(
      new Map([
        [1, 'mismatched'],
        [3, 'unknown'],
        [first, 'unknown'],
        [second, 'mismatched'],
      ]),
    );
    expect(await store.read('misfits', 1)).toEqual(alone);
    expect(await store.read('misfits', 2)).toMatchObject({ state: 'released' });
    expect((await store.read('misfits', eight.slot))?.messages).toEqual(eight.messages.slice(1));
  });

  it('lose their payload when they were received, and stay in their place', async () => {
    await store.put([item('received', 1, { qos: 2, id: 'x', sentOn: first })]);

    await store.markReceived('received', [1]);
    await store.markReceived('received', [1]);

    const released = await store.read('received', 1);
    expect(released).toMatchObject({ state: 'released', number: 1, id: 'x', sentOn: first });
    expect(released?.messages[0]?.message.payload).toEqual(Buffer.alloc(0));
  });

  it('are received by the dozen, those that are still there', async () => {
    const numbers = Array.from({ length: 30 }, (_, index) => index + 1);
    await store.put(numbers.map((number) => item('receives', number, { qos: 2, id: `x${number}`, sentOn: first })));
    await store.remove('receives', [30]);

    await store.markReceived('receives', [...numbers, 1, 2, 3]);

    const left = await store.readMany('receives', [...numbers, 1, 2, 3]);
    expect(left.map(({ number }) => number).sort((one, other) => one - other)).toEqual(numbers.slice(0, 29));
    expect(left.every(({ state, sentOn }) => state === 'released' && sentOn === first)).toBe(true);
    expect(left.flatMap(({ messages }) => messages).every(({ message: { payload } }) => payload.length === 0)).toBe(
      true,
    );
  });

  it('are not written again by a repeated PUBREC', async () => {
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

  it('fails once the message was acknowledged, received, or its slot used again', async () => {
    const items = [item('past', 1), item('past', 2, { qos: 2 }), item('past', 3)];
    await store.put(items);
    await store.remove('past', [1]);
    await store.markReceived('past', [2]);
    await store.put([item('past', 3 + 32_767)]);

    expect(await Promise.all(items.map((one) => store.claim(one, first, 'e')))).toEqual(['taken', 'taken', 'taken']);
    expect(await store.read('past', 1)).toBeUndefined();
  });

  it('is given back when the gateway refused the packet', async () => {
    await store.put([item('refused', 1, { sentOn: first })]);

    await store.markUnsent(item('refused', 1), first);
    await store.markUnsent(item('refused', 1), first);

    expect(await store.read('refused', 1)).toMatchObject({ sentOn: '' });
  });

  it('that is returned keeps the message as sent on the earlier connection, so that it is marked as a duplicate', async () => {
    const sent = item('before', 1, { sentOn: first });
    await store.put([sent]);
    await store.claim(sent, second, 'e2');

    await store.markUnsent(item('before', 1), second);

    expect(await store.read('before', 1)).toMatchObject({ sentOn: first });
    expect(await store.claim({ ...sent, sentOn: first }, second, 'e3')).toBe('claimed');
  });

  it('of a newer connection, or of another message in the slot, is not given back', async () => {
    await store.put([item('others', 1, { sentOn: second }), item('others', 2 + 32_767, { sentOn: first })]);

    await store.markUnsent(item('others', 1), first);
    await store.markUnsent(item('others', 2), first);
    await store.markUnsent(item('others', 3), first);

    expect(await store.read('others', 1)).toMatchObject({ sentOn: second });
    expect(await store.read('others', 2)).toMatchObject({ sentOn: first });
    expect(await store.read('others', 3)).toBeUndefined();
  });
});

/** Eight messages in one slot. */
function bundle(session: string, first: number, fields: Partial<QueueItem> = {}): QueueItem {
  const places = positionsFor(Array(bundleSize).fill(10), first);
  const messages = places.map(({ number, packetId }) => ({
    ...content(number, message('a/b', `${number}`)),
    packetId,
  }));
  return item(session, first, { slot: places[0]?.slot, messages, ...fields });
}

function packetIdsOf({ messages }: QueueItem): number[] {
  return messages.map(({ packetId }) => packetId);
}

describe('a bundle', () => {
  it('is read as it was put, under the packet id of its first message', async () => {
    const eight = bundle('whole', 5, { sentOn: first, sentBy: 'event' });

    await store.put([eight]);

    expect(await store.read('whole', eight.slot)).toEqual(eight);
  });

  it('distinguishes its messages by their properties', async () => {
    const eight = bundle('distinct', 5);
    const properties = eight.messages.map((one, index): QueuedMessage => {
      if (index === 1) return { ...one, message: fullMessage('a/b'), retain: true };
      if (index === 3) return { ...one, message: emptyMessage('a/b'), identifiers: [7, 9] };
      if (index === 6) return { ...one, share: { filter: 'a/+', share: 'group' } };
      return one;
    });
    await store.put([{ ...eight, messages: properties }]);
    expect(await store.read('distinct', eight.slot)).toEqual({ ...eight, messages: properties });

    await store.remove('distinct', packetIdsOf(eight).slice(0, 3));

    expect((await store.read('distinct', eight.slot))?.messages).toEqual(properties.slice(3));
  });

  it('is removed when all its messages are acknowledged at once, without being read', async () => {
    const eights = [bundle('at once', 1), bundle('at once', 9), bundle('at once', 17)];
    await store.put(eights);

    await store.remove('at once', eights.slice(0, 2).flatMap(packetIdsOf));

    expect(await numbersIn('at once', 24)).toEqual([17]);
  });

  it('keeps what was not acknowledged, in its order', async () => {
    const eight = bundle('piecemeal', 1);
    await store.put([eight]);
    const ids = packetIdsOf(eight);

    await store.remove('piecemeal', [ids[1], ids[6]] as number[]);
    await store.remove('piecemeal', [ids[1]] as number[]);
    expect((await store.read('piecemeal', eight.slot))?.messages).toEqual(
      eight.messages.filter((_, index) => index !== 1 && index !== 6),
    );

    for (const packetId of ids.slice(1)) await store.remove('piecemeal', [packetId]);
    expect((await store.read('piecemeal', eight.slot))?.messages).toEqual(eight.messages.slice(0, 1));
    await store.remove('piecemeal', ids.slice(0, 1));
    expect(await store.read('piecemeal', eight.slot)).toBeUndefined();
  });

  it('is not written again by a repeated acknowledgement, nor marked as received like a message at QoS 2', async () => {
    const eight = bundle('late', 1);
    await store.remove('late', packetIdsOf(eight).slice(3));
    expect(await store.read('late', eight.slot)).toBeUndefined();

    await store.put([eight]);
    await store.markReceived('late', packetIdsOf(eight));
    expect(await store.read('late', eight.slot)).toEqual(eight);
  });

  it('is claimed and given back as a whole', async () => {
    const eight = bundle('claimed', 1);
    await store.put([eight]);

    expect(await store.claim(eight, first, 'event')).toBe('claimed');
    expect(await store.claim(eight, second, 'event')).toBe('taken');
    await store.markUnsent(eight, first);

    expect(await store.read('claimed', eight.slot)).toMatchObject({ sentOn: '' });
  });
});

describe('the outbound queue', () => {
  it.each([
    ['begins', 1],
    ['wraps', 32_762],
    ['wraps for the second time', 2 * 32_767 - 4],
    ['is far behind the wrap', 70_000],
  ])('is in the order of numbers where it %s', async (name, start) => {
    const numbers = Array.from({ length: 12 }, (_, index) => start + index);
    const outSeq = numbers.at(-1) ?? 0;
    await store.put([...numbers].reverse().map((number) => item(name, number)));

    expect(await numbersIn(name, outSeq)).toEqual(numbers);
    expect(await store.oldest(name, outSeq)).toBe(start);

    await store.remove(
      name,
      numbers.slice(0, 8).map((number) => positionAlone(number).packetId),
    );
    expect(await numbersIn(name, outSeq)).toEqual(numbers.slice(8));
    expect(await store.oldest(name, outSeq)).toBe(start + 8);
  });

  it.each([
    ['at the beginning', 5],
    ['up to the wrap', 32_767],
    ['behind the wrap', 32_772],
  ])('leaves out what was reserved after the newest number was read, %s', async (name, outSeq) => {
    const numbers = [-3, -1, 0, 1, 2, 3].map((distance) => outSeq + distance);
    await store.put(numbers.map((number) => item(name, number)));

    expect(await numbersIn(name, outSeq)).toEqual(numbers.slice(0, 3));
    expect(await store.oldest(name, outSeq)).toBe(outSeq - 3);

    await store.remove(
      name,
      numbers.slice(0, 3).map((number) => positionAlone(number).packetId),
    );
    expect(await numbersIn(name, outSeq)).toEqual([]);
    expect(await store.oldest(name, outSeq)).toBeUndefined();
  });

  it.each([
    ['begin', 1],
    ['wrap among messages alone', 32_760],
    ['wrap among bundles', 32_768 - 12],
    ['are far behind the wrap', 3 * 32_768 + 5],
  ])('has bundles among messages alone where they %s', async (name, start) => {
    const sizes = Array.from({ length: 40 }, (_, index) => (index % 10 === 0 ? 'alone' : 10) as 'alone' | number);
    const places = positionsFor(sizes, start);
    const outSeq = start + 39;
    const slots = new Map(places.map(({ slot, packetId, number }) => [slot, number - (packetId - slot)]));
    for (const [slot, number] of slots) {
      await store.put([slot < 32_768 ? item(`mixed ${name}`, number) : bundle(`mixed ${name}`, number)]);
    }
    const expected = [...slots.values()].sort((one, other) => one - other);

    expect(await numbersIn(`mixed ${name}`, outSeq)).toEqual(expected);
    expect(await store.oldest(`mixed ${name}`, outSeq)).toBe(start);
  });

  it('holds more than one page of bundles and messages alone, in order', async () => {
    const text = 'x'.repeat(150);
    const large = message('a', Buffer.alloc(60_000, 'x'));
    const first = 32_768 - 400;
    const items = Array.from({ length: 80 }, (_, index) => {
      const number = first + index * 9;
      const alone = item('long', number + 8, { messages: [content(number + 8, large)] });
      const eight = bundle('long', number);
      return [{ ...eight, messages: eight.messages.map((one) => ({ ...one, message: message('a', text) })) }, alone];
    }).flat();
    await store.put([...items].reverse());

    expect(await numbersIn('long', first + 719)).toEqual(items.map(({ number }) => number));
    await store.clear('long');
  });

  it('can be read completely with any newest number, without incoming messages and QoS 2 records', async () => {
    const items = [item('whole queue', 3), bundle('whole queue', 9), item('whole queue', 40_000)];
    await store.put(items);
    await store.hold('whole queue', [{ packetId: 1, id: 'x', holder: 'c', message: message('a') }]);
    await store.putQos2Records([{ session: 'whole queue', id: 'x', number: 1, done: false }]);

    const found: QueueItem[] = [];
    for await (const page of store.unordered('whole queue')) found.push(...page);

    expect(found.sort((one, other) => one.number - other.number)).toEqual(items);
  });

  it('lets go of items as a whole, alone or bundled, and of no others', async () => {
    await store.put([item('regretted', 1), item('regretted', 2), bundle('regretted', 40_000)]);
    await store.removeItems([item('regretted', 1), bundle('regretted', 40_000)]);

    const found: QueueItem[] = [];
    for await (const page of store.unordered('regretted')) found.push(...page);
    expect(found).toEqual([item('regretted', 2)]);
  });

  it('may be empty', async () => {
    expect(await numbersIn('empty', 0)).toEqual([]);
    expect(await numbersIn('empty', 70_000)).toEqual([]);
    expect(await store.oldest('empty', 0)).toBeUndefined();
  });

  it('holds more than one page, in order across the wrap', async () => {
    const numbers = Array.from({ length: 30 }, (_, index) => 32_752 + index);
    const large = message('a', Buffer.alloc(90_000, 'x'));
    await store.put(numbers.map((number) => item('large', number, { messages: [content(number, large)] })));

    expect(await numbersIn('large', 32_781)).toEqual(numbers);
    await store.clear('large');
    expect(await numbersIn('large', 32_781)).toEqual([]);
  });
});

describe('incoming QoS 2 messages', () => {
  const held = { packetId: 7, id: 'event.0', holder: 'one', message: message('a/b', everyByte, { qos: 2 }) };

  it('are held until they are forgotten', async () => {
    const other = { ...held, packetId: 8, message: message('a', '') };
    await store.hold('held', [held, other]);

    expect(await store.held('held', [7])).toEqual([held]);
    expect(await store.held('held', [8, 8])).toEqual([other]);
    await store.removeHeld('held', [7, 7]);
    await store.removeHeld('held', [7]);
    expect(await store.held('held', [7, 8])).toEqual([other]);
  });

  it('are read with all properties', async () => {
    const full = { ...held, message: fullMessage('a/b') };
    const empty = { ...held, packetId: 8, message: emptyMessage('a/b') };

    await store.hold('properties', [full, empty]);

    expect(await store.held('properties', [7])).toEqual([full]);
    expect(await store.held('properties', [8])).toEqual([empty]);
    expect(await store.adopt('properties', full, 'two')).toBe('adopted');
    expect(await store.held('properties', [7])).toEqual([{ ...full, holder: 'two' }]);
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
    await store.removeHeld('apart', [7]);

    expect(await store.read('apart', 7)).toEqual(item('apart', 7));
    expect(await numbersIn('apart', 7)).toEqual([7]);
  });

  it('are adopted by one connection of two', async () => {
    await store.hold('adopted', [held]);

    const results = await Promise.all([store.adopt('adopted', held, 'two'), store.adopt('adopted', held, 'three')]);

    expect(results.sort()).toEqual(['adopted', 'changed']);
    expect(await store.held('adopted', [7])).not.toContainEqual(held);
  });

  it('are adopted once more by the same connection, whose first response may be lost', async () => {
    await store.hold('repeated', [held]);

    expect(await store.adopt('repeated', held, 'two')).toBe('adopted');
    expect(await store.adopt('repeated', held, 'two')).toBe('adopted');
    expect(await store.adopt('repeated', held, 'three')).toBe('changed');
  });

  it('are not adopted when another message has taken the packet id, or when they are gone', async () => {
    await store.hold('reused', [{ ...held, id: 'event.9' }]);

    expect(await store.adopt('reused', held, 'two')).toBe('changed');
    expect(await store.adopt('gone', held, 'two')).toBe('changed');
    expect(await store.held('gone', [7])).toEqual([]);
  });
});

describe('records of what was routed', () => {
  it('have the number and, finally, that the message is done', async () => {
    const records = [
      { session: 'properties', id: 'event.0', number: 7, done: false },
      { session: 'properties', id: 'event.1', number: 8, done: false },
    ];
    await store.putQos2Records(records);
    await store.putQos2Records([{ ...records[0]!, done: true }]);

    const found = await store.qos2Records([
      ...records,
      { session: 'properties', id: 'event.2' },
      { session: 'other', id: 'event.0' },
    ]);
    expect(found.sort((one, other) => one.number - other.number)).toEqual([{ ...records[0], done: true }, records[1]]);
  });

  it('are replaced when the message gets another number', async () => {
    await store.putQos2Records([{ session: 'renumbered', id: 'x', number: 7, done: false }]);
    await store.putQos2Records([{ session: 'renumbered', id: 'x', number: 9, done: false }]);

    expect(await store.qos2Records([{ session: 'renumbered', id: 'x' }])).toMatchObject([{ number: 9 }]);
  });

  it('have the chosen member of a share', async () => {
    const member = { session: 'share#x', id: 'event.0', number: 0, done: false, member: longest('client', '!') };
    const empty = { ...member, id: 'event.1', member: '' };
    await store.putQos2Records([member, empty]);

    expect(await store.qos2Records([member])).toEqual([member]);
    expect(await store.qos2Records([empty])).toEqual([empty]);
  });

  it('may be requested twice in one call, for none, and for more than one batch holds', async () => {
    const records = Array.from({ length: 130 }, (_, number) => ({
      session: 'batch',
      id: `x${number}`,
      number,
      done: false,
    }));
    await store.putQos2Records(records);

    expect(await store.qos2Records([records[0]!, records[0]!])).toEqual([records[0]]);
    expect(await store.qos2Records([])).toEqual([]);
    expect(await store.qos2Records(records)).toHaveLength(130);
  });

  it('have ids as long as the filter of a subscription', async () => {
    const [one, other] = [`event.0/${longest('a', 'b')}/0`, `event.0/${longest('a', 'b')}/1`];
    await store.putQos2Records([{ session: 'long', id: one, number: 1, done: false }]);
    await store.putQos2Records([{ session: 'long', id: one, number: 1, done: true }]);

    const found = await store.qos2Records([one, other].map((id) => ({ session: 'long', id })));
    expect(found).toHaveLength(1);
    expect(found[0]?.id === one && found[0].done).toBe(true);
  });
});

describe('a session that is deleted', () => {
  it('has no rows of any kind any more, and others keep theirs', async () => {
    for (const session of [first, second, `${second}x`]) {
      await store.put(Array.from({ length: 30 }, (_, index) => item(session, index + 1)));
      await store.hold(session, [{ packetId: 1, id: 'x', holder: 'c', message: message('a') }]);
      await store.putQos2Records([{ session, id: 'x', number: 1, done: false }]);
    }

    await store.clear(second);
    await store.clear(second);
    await store.clear(third);

    expect(await numbersIn(second, 30)).toEqual([]);
    expect(await store.held(second, [1])).toEqual([]);
    expect(await store.qos2Records([{ session: second, id: 'x' }])).toEqual([]);
    for (const session of [first, `${second}x`]) {
      expect(await numbersIn(session, 30)).toHaveLength(30);
      expect(await store.held(session, [1])).toHaveLength(1);
      expect(await store.qos2Records([{ session, id: 'x' }])).toHaveLength(1);
    }
  });
});

describe('packet ids that were not released', () => {
  it('are those that were kept last, and go with the session', async () => {
    await store.keepUnreleased('unreleased', [1, 65_535]);
    expect(await store.unreleased('unreleased')).toEqual([1, 65_535]);
    await store.keepUnreleased('unreleased', [7]);
    expect(await store.unreleased('unreleased')).toEqual([7]);
    await store.clear('unreleased');
    expect(await store.unreleased('unreleased')).toEqual([]);
  });

  it('may be none', async () => {
    await store.keepUnreleased('released', [7]);
    await store.keepUnreleased('released', []);

    expect(await store.unreleased('released')).toEqual([]);
  });
});
