import { describe, expect, it } from '@jest/globals';
import { inParallel, together } from '../../lambdas/shared/parallel';

/** Work that ends on request of the test. */
function held(): { readonly work: Promise<string>; readonly end: () => void } {
  let end: () => void = () => undefined;
  const work = new Promise<string>((resolve) => {
    end = () => resolve('done');
  });
  return { work, end };
}

/** Resolves after everything that can happen without the test. */
async function quiet(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

async function outcomeOf(work: Promise<unknown>): Promise<{ said: string }> {
  const outcome = { said: 'under way' };
  work.then(
    () => Object.assign(outcome, { said: 'done' }),
    (error) => Object.assign(outcome, { said: String(error) }),
  );
  await quiet();
  return outcome;
}

describe('work side by side', () => {
  it('gives what each part gives', async () => {
    expect(await together([Promise.resolve(1), 'two', undefined])).toEqual([1, 'two', undefined]);
  });

  it('has failed only when every part has come to its end', async () => {
    const { work, end } = held();
    const outcome = await outcomeOf(together([work, Promise.reject(new Error('the table is away'))]));
    expect(outcome).toEqual({ said: 'under way' });

    end();
    await quiet();
    expect(outcome).toEqual({ said: 'Error: the table is away' });
  });
});

describe('the same work on many items', () => {
  it('gives results in the order of the items', async () => {
    const results = await inParallel([30, 10, 20], 2, async (item) => {
      for (let turn = 0; turn < item; turn++) await undefined;
      return item;
    });

    expect(results).toEqual([30, 10, 20]);
  });

  it('begins nothing more once one has failed, and ends when what was begun has', async () => {
    const { work, end } = held();
    const begun: number[] = [];
    const outcome = await outcomeOf(
      inParallel([1, 2, 3, 4], 2, (item) => {
        begun.push(item);
        return item === 1 ? work : Promise.reject(new Error('the table is away'));
      }),
    );
    expect(outcome).toEqual({ said: 'under way' });

    end();
    await quiet();
    expect(outcome).toEqual({ said: 'Error: the table is away' });
    expect(begun).toEqual([1, 2]);
  });
});
