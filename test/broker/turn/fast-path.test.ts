/* What a quick turn leaves behind when its worker dies; how few calls it takes: test/budgets.test.ts. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TestBroker } from '../../support/test-broker';
import type { TextClient } from '../../support/text-client';

describe('a frame of nothing but PUBACKs', () => {
  let broker: TestBroker;
  let subscriber: TextClient;

  beforeEach(async () => {
    broker = await TestBroker.start({ containers: 1, visibilitySeconds: 0.2 });
    subscriber = await broker.resume('subscriber');
    await subscriber.subscribe(1, 'said');
  });

  afterEach(() => broker.stop());

  it.each(['before', 'after'] as const)(
    'gives its slot back, though the worker dies %s it has done so',
    async (when) => {
      const before = await broker.rows();
      const publisher = await broker.connect('publisher');
      await publisher.publish('said', 'x', { qos: 1 });
      await publisher.disconnect();
      const publish = await subscriber.next('publish');
      await subscriber.ping(); // from now on the container knows the connection as it is
      expect((await broker.rows()).filter((row) => row.startsWith('inflight'))).toHaveLength(1);

      await broker.cloud.faults.set({ fault: 'call', outcome: 'kill', table: 'inflight', when, times: 1 });
      await subscriber.acknowledge(publish);
      await broker.struck();

      expect(await broker.rows()).toEqual(before);
    },
  );
});
