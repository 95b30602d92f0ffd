import { describe, expect, it } from '@jest/globals';
import { FifoOrder } from '../../local/sqs/delivery-order';
import type { Message } from '../../local/sqs/message';

const message = (group: string, id: string): Message => ({
  id,
  group,
  body: id,
  attributes: {},
  bytes: 1,
  sentAt: 0,
  visibleAt: 0,
  receives: 0,
});

function lineOf(...names: readonly string[]) {
  const line = new FifoOrder();
  for (const name of names) line.add(message(name[0]!, name));
  return line;
}

const ids = (messages: readonly Message[]) => messages.map(({ id }) => id);

describe('the delivery order of a FIFO queue', () => {
  it('gives nothing of a group that has a message in flight', () => {
    const line = lineOf('a1', 'a2', 'b1');
    const [first, ...rest] = line.take(2);
    expect(ids([first!, ...rest])).toEqual(['a1', 'a2']);
    line.add(message('a', 'a3'));

    expect(ids(line.take(10))).toEqual(['b1']);
    line.done(first!);
    expect(ids(line.take(10))).toEqual([]);
    line.done(rest[0]!);
    expect(ids(line.take(10))).toEqual(['a3']);
  });

  it('puts messages back in their order and before those that came later', () => {
    const line = lineOf('a1', 'a2', 'b1', 'b2');
    const taken = line.take(10);
    line.add(message('a', 'a3'));
    line.putBack(taken);

    expect(ids(line.take(10))).toEqual(['b1', 'b2', 'a1', 'a2', 'a3']);
    expect(line.waiting).toBe(0);
  });

  it('lets the group that has been ready longest go first', () => {
    const line = lineOf('a1', 'b1', 'a2', 'c1');

    expect(ids(line.take(3))).toEqual(['a1', 'a2', 'b1']);
    expect(ids(line.take(3))).toEqual(['c1']);
    expect(line.ready).toBe(false);
  });

  it('keeps a group closed until its last failed message is back', () => {
    const line = lineOf('a1', 'a2');
    const [first, second] = line.take(10);
    line.done(first!);
    line.add(message('a', 'a3'));
    expect(line.ready).toBe(false);

    line.putBack([second!]);
    expect(ids(line.take(10))).toEqual(['a2', 'a3']);
  });
});
