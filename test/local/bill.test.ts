import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Bill, prices } from '../../local/bill';
import { TestCloud, until } from './support';

describe('the bill', () => {
  let test: TestCloud;
  beforeAll(async () => {
    test = await TestCloud.start();
  });
  beforeEach(() => test.cloud.resetBill());
  afterAll(() => test.cloud.stop());

  it('counts gateway messages in steps of 32 KB and connection minutes on the local clock', async () => {
    test.cloud.clock.hold();
    const client = await test.connect();
    await client.ask(`echo ${'x'.repeat(32_000)}`);
    await test.connectionsApi().postToConnection({ ConnectionId: client.id, Data: 'y'.repeat(33_000) });
    test.cloud.clock.jump(5 * 60_000);
    const { gateway } = await test.cloud.bill();

    expect(gateway).toMatchObject({ connects: 1, frames: 1, messagesIn: 1, posts: 2, messagesOut: 3 });
    expect(gateway.connectionMinutes).toBeCloseTo(5, 9);
    expect(gateway.dollars).toBeCloseTo(4e-6 + 5 * 0.25e-6, 12);
  });

  it('counts queue requests in steps of 64 KB: sends, and a receive and a delete per batch', async () => {
    const body = 'z'.repeat(70_000);
    const entry = (Id: string) => ({ Id, MessageBody: 'x' });
    const QueueUrl = test.queueUrl('timer');
    await test.sqs().sendMessage({ QueueUrl, MessageBody: body });
    await test.cloud.settled();
    await test.sqs().sendMessageBatch({ QueueUrl, Entries: [entry('1'), entry('2'), entry('3')] });
    await test.cloud.settled();
    const { sqs } = await test.cloud.bill();

    expect(sqs.queues.timer).toEqual({ send: 3, receive: 3, delete: 2, messages: 4 });
    expect(sqs.requests).toBe(8);
    expect(sqs.dollars).toBeCloseTo(8 * prices.standardRequest, 12);
  });

  it('counts invocations and GB-seconds', async () => {
    const client = await test.connect();
    await client.ask('echo warm');
    await test.cloud.settled();
    await test.cloud.resetBill();
    client.send('sleep 100');
    await until(async () => (await test.cloud.bill()).gateway.frames === 1);
    await test.cloud.runSchedule();
    await test.cloud.settled();
    client.send('echo');
    await new Promise((resolve) => client.socket.once('message', resolve));
    await test.cloud.settled();
    const { lambda } = await test.cloud.bill();

    expect(lambda.invocations).toBe(3);
    const { milliseconds } = lambda.functions.onPackets;
    expect(milliseconds).toBeGreaterThanOrEqual(100);
    const scheduleSeconds = lambda.functions.onSchedule.milliseconds / 1000;
    expect(lambda.gbSeconds).toBeCloseTo(milliseconds / 1000 + scheduleSeconds / 2, 9);
    expect(lambda.dollars).toBeCloseTo(3 * prices.lambdaRequest + lambda.gbSeconds * prices.lambdaGbSecond, 12);
  });

  it('adds up, is served over HTTP and starts anew', async () => {
    const client = await test.connect();
    client.send('write someone');
    await test.cloud.runSchedule();
    await test.cloud.settled();
    const bill = (await (await fetch(test.cloud.billUrl)).json()) as Bill;

    const parts = [bill.gateway, bill.sqs, bill.lambda, bill.dynamodb, bill.scheduler];
    expect(bill.dollars).toBeCloseTo(
      parts.reduce((total, { dollars }) => total + dollars, 0),
      12,
    );
    expect(bill.dynamodb).toMatchObject({ writes: 1, reads: 0, dollars: 0.625e-6 });
    expect(bill.scheduler).toEqual({ invocations: 1, dollars: 1e-6 });
    client.socket.terminate();
    await until(() => !test.cloud.connections().includes(client.id));
    await test.cloud.settled();
    const headers = { 'x-cirrus-control': '1' };
    await fetch(test.cloud.billUrl, { method: 'DELETE', headers });
    expect((await test.cloud.bill()).dynamodb.calls).toBe(0);
    await fetch(`${test.cloud.billUrl}/reset`, { method: 'POST', headers });
    expect((await test.cloud.bill()).lambda.invocations).toBe(0);
  });
});
