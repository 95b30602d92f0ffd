import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { dueKey } from '../../lambdas/broker/deadline';
import type { Deadline, DeadlineStore } from '../../lambdas/broker/ports';
import { DynamoDeadlineStore } from '../../lambdas/storage/deadlines';
import { Engine } from './support/engine';

function deadline(time: number, connectionId: string): Deadline {
  return { due: dueKey(time, connectionId), connectionId };
}

describe('deadlines', () => {
  let engine: Engine;
  let store: DeadlineStore;

  beforeAll(async () => {
    engine = await Engine.start();
    store = new DynamoDeadlineStore(engine.client(), engine.table('deadlines'));
  });

  afterAll(() => engine.stop());

  async function dueBefore(time: number): Promise<Deadline[]> {
    const found: Deadline[] = [];
    for await (const page of store.dueBefore(time)) found.push(...page);
    return found.sort((one, other) => (one.due < other.due ? -1 : 1));
  }

  it('are found when they are due, and not a millisecond earlier', async () => {
    const all = Array.from({ length: 40 }, (_, index) => deadline(1000 + index, `due-${index}`));
    await Promise.all(all.map((one) => store.put(one)));

    expect(await dueBefore(1000)).toEqual([]);
    expect(await dueBefore(1001)).toEqual(all.slice(0, 1));
    expect(await dueBefore(1039)).toEqual(all.slice(0, 39));
    expect(await dueBefore(999_999_999_999)).toEqual(all);

    await Promise.all(all.map((one) => store.remove(one)));
    expect(await dueBefore(999_999_999_999)).toEqual([]);
  });

  it('of one time are told apart, and one put twice is one', async () => {
    const two = [deadline(5000, 'one'), deadline(5000, 'other')];
    await Promise.all([...two, ...two].map((one) => store.put(one)));

    expect(await dueBefore(5001)).toEqual(two);

    await store.remove(deadline(5000, 'one'));
    await store.remove(deadline(5000, 'one'));
    expect(await dueBefore(5001)).toEqual(two.slice(1));
    await store.remove(deadline(5000, 'other'));
  });

  it('sort by time, however many digits it has', async () => {
    const all = [deadline(9, 'z'), deadline(10, 'a'), deadline(1_700_000_000_000, 'm')];
    await Promise.all(all.map((one) => store.put(one)));

    expect(await dueBefore(10)).toEqual(all.slice(0, 1));
    expect(await dueBefore(1_700_000_000_001)).toEqual(all);
  });
});
