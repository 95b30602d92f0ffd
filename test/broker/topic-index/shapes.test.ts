/*
 * The list of shapes through the deployed functions. Proved elsewhere: shares: shape-limit.test.ts; every interleaving of removal:
 * shape-removal.test.ts; the list in DynamoDB: test/storage/topic-index.test.ts.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DynamoShapeChecks } from '../../../lambdas/storage/shape-checks';
import { DynamoTopicIndex } from '../../../lambdas/storage/topic-index';
import type { CloudOptions } from '../../../local/cloud-options';
import { tablePrefix } from '../../../local/lambda/environment';
import { clause } from '../../support/clause';
import { TestBroker } from '../../support/test-broker';
import type { TextClient } from '../../support/text-client';

const minutes = 60_000;

/** Connections without keep-alive stay open as long as they are not idle. */
const forever = { keepalive: 0 };

/** Filters of distinct shapes with nine levels: more than one client may add. */
function filters(count: number, root = 'x'): string[] {
  return Array.from({ length: count }, (_, index) => {
    return [root, ...(index + 256).toString(2)].map((digit) => (digit === '1' ? '+' : digit)).join('/');
  });
}

describe('the list of shapes', () => {
  let broker: TestBroker;

  async function start(options: CloudOptions = {}): Promise<void> {
    broker = await TestBroker.start({ ...options });
    broker.cloud.clock.hold();
  }

  beforeEach(() => start());
  afterEach(() => broker.stop());

  async function granted(client: TextClient, wanted: readonly string[]): Promise<string[]> {
    const codes = await client.subscribe(0, ...wanted);
    return wanted.filter((_, index) => codes[index] === 0);
  }

  /** The schedule runs every minute, as it does on AWS. */
  async function pass(time: number): Promise<void> {
    for (let passed = 0; passed < time; passed += minutes) {
      broker.cloud.clock.jump(minutes);
      await broker.cloud.runSchedule();
      await broker.cloud.settled();
    }
  }

  it('gives one client a small share, in one SUBSCRIBE or in many', async () => {
    const [greedy, patient] = [await broker.connect('greedy', forever), await broker.connect('patient', forever)];
    const inOne = await granted(greedy, filters(200));
    const inMany: string[] = [];
    for (const filter of filters(200).slice(190)) inMany.push(...(await granted(greedy, [filter])));
    const others: string[] = [];
    for (const filter of filters(200).slice(100, 110)) others.push(...(await granted(patient, [filter])));

    expect([inOne.length, inMany.length, others.length]).toEqual([32, 0, 10]);
    expect(broker.logged('shape limit')[0]).toMatchObject({ clientId: 'greedy', refused: 168, share: 'client' });
    expect(broker.logged('turn failed')).toEqual([]);
  });

  it('loses unsubscribed shapes within minutes, whatever else happens', async () => {
    const greedy = await broker.connect('greedy', forever);
    const wanted = await granted(greedy, filters(32));
    await greedy.unsubscribe(...wanted);
    expect(await granted(greedy, filters(64).slice(32))).toEqual([]);
    await pass(4 * minutes);

    expect(broker.logged('shapes removed')).toEqual([{ event: 'shapes removed', removed: 32, left: 0 }]);
    expect(await granted(greedy, filters(64).slice(32))).toHaveLength(32);
  });

  it('loses the shapes of ended sessions, also when no client is connected any more', async () => {
    const clean = await broker.connect('clean', forever);
    await clean.subscribe(0, ...filters(20));
    await clean.disconnect();
    const before = await broker.resume('persistent', forever);
    await before.subscribe(0, 'kept/+', ...filters(40).slice(20));
    await broker.lose(before);
    const replacing = await broker.connect('persistent', forever);
    await replacing.disconnect();
    await pass(4 * minutes);

    expect(broker.logged('shapes removed').at(-1)).toMatchObject({ left: 0 });
  });

  it('keeps the shapes of a session whose client is away', async () => {
    const before = await broker.resume('away', forever);
    await before.subscribe(1, 'kept/+');
    await before.unsubscribe('kept/+');
    await before.subscribe(1, 'kept/+', 'gone/+/#');
    await before.unsubscribe('gone/+/#');
    await before.disconnect();
    await pass(6 * minutes);
    await (await broker.connect('publisher', forever)).publish('kept/a', 'hello', { qos: 1 });

    expect(broker.logged('shapes removed')).toEqual([{ event: 'shapes removed', removed: 1, left: 1 }]);
    expect(await (await broker.resume('away', forever)).hear()).toMatchObject({ text: 'hello' });
  });

  clause('v3 MQTT-4.5.0-1', 'keeps a shape that is subscribed to again, in any container', async () => {
    await broker.stop();
    await start({ containers: 3 });
    const publishers = await Promise.all(['p', 'q', 'r'].map((clientId) => broker.connect(clientId, forever)));
    const client = await broker.connect('fickle', forever);
    for (let round = 0; round < 4; round++) {
      await client.subscribe(1, 'again/+');
      for (const publisher of publishers) await publisher.publish('again/a', `${round}`, { qos: 1 });
      expect(await broker.heardBy(client)).toHaveLength(3);
      await client.unsubscribe('again/+');
      for (const publisher of publishers) await publisher.publish('again/a', 'unwanted', { qos: 1 });
      if (round % 2 === 0) await pass(4 * minutes);
    }

    expect(await broker.heardBy(client)).toEqual([]);
    expect(broker.logged('shapes removed').length).toBe(2);
  });

  it('is not checked while nothing was removed, and costs nothing then', async () => {
    const client = await broker.connect('steady', forever);
    await client.subscribe(0, 'a/+');
    await pass(minutes); // the timer of its handshake
    await broker.cloud.resetBill();
    await pass(5 * minutes);

    const { dynamodb, lambda } = await broker.cloud.bill();
    expect(dynamodb.tables.topicIndex).toBeUndefined();
    expect(lambda.functions.onTimer.invocations).toBe(0);
  });

  it('is checked once for all removals in the meantime, and hardly read while others use the shapes', async () => {
    const client = await broker.connect('restless', forever);
    const faithful = await broker.connect('faithful', forever);
    const many = Array.from({ length: 200 }, (_, index) => `many/${index}`);
    await faithful.subscribe(0, ...many);
    for (let count = 0; count < 5; count++) {
      await client.subscribe(0, 'many/0');
      await client.unsubscribe('many/0');
    }
    await broker.cloud.settled();
    await broker.cloud.resetBill();
    await pass(6 * minutes);

    const { dynamodb } = await broker.cloud.bill();
    const { calls = 0, reads = 0 } = dynamodb.tables.topicIndex?.Scan ?? {};
    expect([1, 2]).toContain(calls); // a jump of the clock runs the schedule too, perhaps at the same time
    expect(reads / calls).toBeLessThanOrEqual(2);
  });

  clause('v3 MQTT-4.7.1-3', 'takes filters with as many wildcards as levels', async () => {
    const client = await broker.connect('client', forever);
    const publisher = await broker.connect('publisher', forever);
    await publisher.publish('a/b/c/d/e/f/g/h/i/j/test', 'kept', { qos: 1, retain: true });
    const wanted = ['+/+/+/+/+/+/+/+/+/+/test', `${'+/'.repeat(200)}#`];
    expect(await client.subscribe(1, ...wanted)).toEqual([1, 1]);
    await publisher.publish('0/1/2/3/4/5/6/7/8/9/test', 'ten', { qos: 1 });
    await publisher.publish(Array.from({ length: 250 }, (_, index) => index).join('/'), 'deep', { qos: 1 });

    expect((await broker.heardBy(client)).map(({ text }) => text)).toEqual(['kept', 'ten', 'deep']);
  });

  it('warns before its last places are taken', async () => {
    await broker.stop();
    await start({ settings: { maxShapes: 12 } });
    const client = await broker.connect('client', forever);
    await client.subscribe(0, ...filters(8));
    expect(broker.logged('shapes run out')).toEqual([]);
    await client.subscribe(0, ...filters(9));

    expect(broker.logged('shapes run out')).toMatchObject([{ clientId: 'client', places: 9, maxShapes: 12 }]);
  });
});

describe('a check of shapes', () => {
  let broker: TestBroker;
  let db: DynamoDBClient;

  beforeEach(async () => {
    broker = await TestBroker.start({ visibilitySeconds: 0.2 });
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    db = new DynamoDBClient({ endpoint: broker.cloud.endpoints.dynamodb, region: 'us-east-1', credentials });
  });
  afterEach(async () => {
    db.destroy();
    await broker.stop();
  });

  it.each([
    ['UpdateItem', 'topicIndex'],
    ['Scan', 'topicIndex'],
    ['DeleteItem', 'connections'],
  ] as const)('that dies at %s of %s is made again', async (operation, table) => {
    const client = await broker.connect('client', forever);
    await client.subscribe(0, 'a/+');
    await client.unsubscribe('a/+');
    await broker.cloud.faults.set({
      ...{ fault: 'call', function: 'onTimer', operation, table, when: 'after', outcome: 'kill', times: 1 },
    });
    for (let minute = 0; minute < 4; minute++) {
      broker.cloud.clock.jump(minutes);
      await broker.cloud.runSchedule();
      await broker.cloud.settled();
    }

    expect(broker.cloud.faults.report()).toMatchObject([{ struck: 1 }]);
    expect((await new DynamoTopicIndex(db, `${tablePrefix}topicIndex`).shapes()).revisions.size).toBe(0);
    expect(await new DynamoShapeChecks(db, `${tablePrefix}connections`, Date.now).read()).toBeUndefined();
  });
});
