import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TestBroker } from '../support/test-broker';
import { TextClient } from '../support/text-client';

/** All other tests use `lean`, or the clients that AWS_CLIENTS names. */
describe.each(['lean', 'sdk'] as const)('awsClients: %s', (awsClients) => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await TestBroker.start({ settings: { awsClients, inlineRecipients: 1, connectTimeout: 300 } });
  });
  afterAll(() => broker.stop());

  it('delivers messages, also by the fan-out queue', async () => {
    const one = await broker.connect('one');
    const other = await broker.connect('other');
    await one.subscribe(1, 'a');
    await other.subscribe(1, 'a');

    await one.publish('a', 'hello', { qos: 1 });

    expect(await one.hear()).toMatchObject({ text: 'hello' });
    expect(await other.hear()).toMatchObject({ text: 'hello' });
  });

  it('closes a connection', async () => {
    const silent = await TextClient.open(broker.cloud.gatewayUrl);
    await broker.cloud.settled();
    broker.cloud.clock.jump(300_000);

    await expect(silent.closed()).resolves.toBe(1000);
  });
});
