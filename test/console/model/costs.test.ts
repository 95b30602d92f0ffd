import { describe, expect, it } from '@jest/globals';
import { type Bill, Costs, formatDollars } from '../../../console/model/costs';

const bill = (messagesIn: number, writes = 0): Bill => ({
  dollars: messagesIn / 1_000_000,
  gateway: { messagesIn, messagesOut: 0, dollars: 0 },
  api: { requests: 0, dollars: 0 },
  sqs: { requests: 0, dollars: 0 },
  lambda: { invocations: 0, dollars: 0 },
  dynamodb: { reads: 0, writes, dollars: 0 },
});

/** Source of bills, which are returned one after the other. */
function sourceOf(...bills: readonly Bill[]) {
  const left = [...bills];
  return { read: async () => left.shift() ?? Promise.reject(new Error('no answer')), waitUntilIdle: async () => {} };
}

describe('costs', () => {
  it('of an operation are the growth of the bill', async () => {
    const costs = new Costs(sourceOf(bill(1), bill(4, 2)));
    await costs.refresh(0);

    await costs.recordOperation('publish');

    expect(costs.entries).toEqual([
      { number: 1, operation: 'publish', dollars: expect.closeTo(3e-6), usage: '3 frames in, 2 writes' },
    ]);
  });

  it('of an operation are complete, although the bill is refreshed every second', async () => {
    const costs = new Costs(sourceOf(bill(1), bill(4), bill(9)));
    await costs.refresh(0);

    costs.holdRefresh(900);
    await costs.refresh(1_000); // would have read 4
    await costs.recordOperation('publish');

    expect(costs.entries.map(({ usage }) => usage)).toEqual(['3 frames in']);
    await costs.refresh(1_100);
    expect(costs.bill?.gateway.messagesIn).toBe(9);
  });

  it('are refreshed again after a while if an operation does not end', async () => {
    const costs = new Costs(sourceOf(bill(1), bill(4)));
    await costs.refresh(0);

    costs.holdRefresh(900);
    await costs.refresh(3_900);

    expect(costs.bill?.gateway.messagesIn).toBe(4);
  });

  it('of concurrent operations are measured together', async () => {
    const costs = new Costs(sourceOf(bill(1), bill(4), bill(9)));
    await costs.refresh(0);

    await Promise.all(['first', 'second'].map((name) => costs.recordOperation(name)));
    await Promise.all(['a', 'b', 'c', 'd'].map((name) => costs.recordOperation(name)));

    expect(costs.entries.map(({ operation, usage }) => [operation, usage])).toEqual([
      [expect.stringMatching(/^4 /), '5 frames in'],
      ['first, second', '3 frames in'],
    ]);
  });

  it('include the frame rate of all clients', async () => {
    const costs = new Costs(sourceOf(bill(10), bill(29), bill(30)));

    await costs.refresh(10_000);
    await costs.refresh(10_500); // too soon to tell
    await costs.refresh(14_000);

    expect(costs.brokerRates).toEqual({ in: 5, out: 0 });
  });

  it('report an error if the bill cannot be read, and recover', async () => {
    let answer: Promise<Bill> = Promise.reject(new Error('no answer'));
    const costs = new Costs({ read: () => answer, waitUntilIdle: async () => {} });

    await costs.recordOperation('publish');
    expect(costs.error).toContain('no answer');
    answer = Promise.resolve(bill(1));
    await costs.refresh(0);

    expect(costs.error).toBe('');
  });

  it.each([
    [0.0000123, '$0.0000123'],
    [0, '$0.0000000'],
    [12.345, '$12.35'],
  ])('are spelled with the digits that matter: %d', (dollars, text) => {
    expect(formatDollars(dollars)).toBe(text);
  });
});
