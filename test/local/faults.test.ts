import { setTimeout as sleep } from 'node:timers/promises';
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { queues } from '../../lambdas/deployment';
import type { Fault } from '../../local/fault-rules';
import { TestCloud, until } from './support';

const json = { 'content-type': 'application/json' };

describe('faults', () => {
  let test: TestCloud;
  beforeAll(async () => {
    test = await TestCloud.start({ visibilitySeconds: 0.1, seed: 7 });
  });
  afterEach(async () => {
    await test.cloud.faults.clear();
    await test.cloud.settled();
  });
  afterAll(() => test.cloud.stop());

  const steps = async (client: string) => {
    const Key = { id: { S: client }, part: { S: 'head' } };
    const { Item } = await test.dynamodb().getItem({ TableName: 'cirrus-sessions', Key, ConsistentRead: true });
    return Number(Item?.steps?.N ?? 0);
  };

  it('duplicate frames', async () => {
    const client = await test.connect();
    await test.cloud.faults.set({ fault: 'frame', does: 'duplicate', skip: 1, times: 1 });
    client.send('a', 'b', 'c');
    await until(() => test.bodies(client.id).length === 4);

    expect(test.bodies(client.id)).toEqual(['a', 'b', 'b', 'c']);
  });

  it('delay frames without changing their order, the disconnect included', async () => {
    const client = await test.connect();
    await test.cloud.faults.set({ fault: 'frame', does: 'delay', probability: 0.5, milliseconds: 10 });
    const sent = Array.from({ length: 30 }, (_, index) => `frame ${index}`);
    client.send(...sent);
    client.socket.close();
    await until(() => test.bodies(client.id).length === 31);

    expect(test.bodies(client.id)).toEqual([...sent, 'disconnect']);
  });

  it('reorder frames', async () => {
    const client = await test.connect();
    await test.cloud.faults.set({ fault: 'frame', does: 'reorder', probability: 0.5, milliseconds: 10 });
    const sent = Array.from({ length: 30 }, (_, index) => `frame ${index}`);
    client.send(...sent);
    await until(() => test.bodies(client.id).length === 30);

    expect(test.bodies(client.id)).not.toEqual(sent);
    expect(test.bodies(client.id).sort()).toEqual(sent.sort());
  });

  it('strike the same events for the same seed', async () => {
    const struck = async () => {
      test.cloud.faults.seed(42);
      const client = await test.connect();
      await test.cloud.faults.set({ fault: 'frame', does: 'duplicate', probability: 0.3 });
      const sent = Array.from({ length: 30 }, (_, index) => String(index));
      client.send(...sent, 'end');
      await until(() => test.bodies(client.id).includes('end'));
      await test.cloud.settled();
      await test.cloud.faults.clear();
      return test.bodies(client.id).join();
    };

    const first = await struck();
    expect(first).toMatch(/(\b\d+\b),\1\b/);
    expect(await struck()).toBe(first);
  });

  it('lose $disconnect', async () => {
    const lost = await test.connect();
    await test.cloud.faults.set({ fault: 'lose-disconnect', times: 1 });
    const kept = await test.connect();
    lost.socket.close();
    await until(() => test.cloud.connections().length < 2 || !test.cloud.connections().includes(lost.id));
    kept.socket.close();
    await until(() => test.bodies(kept.id).includes('disconnect'));

    expect(test.bodies(lost.id)).toEqual([]);
  });

  it('cut a socket', async () => {
    const client = await test.connect();
    test.cloud.faults.cut(client.id);

    expect(await client.closed).toBe(1006);
    await until(() => test.bodies(client.id).includes('disconnect'));
  });

  it('throttle or fail calls of each service', async () => {
    const client = await test.connect();
    const strike = async (fault: Omit<Extract<Fault, { fault: 'call' }>, 'fault' | 'times'>) => {
      await test.cloud.faults.clear();
      await test.cloud.faults.set({ fault: 'call', ...fault });
    };
    const getItem = () =>
      test
        .dynamodb({ maxAttempts: 1 })
        .getItem({ TableName: 'cirrus-sessions', Key: { id: { S: 'a' }, part: { S: 'b' } } });
    const sqs = test.sqs({ maxAttempts: 1 });
    const send = () => sqs.sendMessage({ QueueUrl: test.queueUrl('timer'), MessageBody: 'x' });
    const api = test.connectionsApi({ maxAttempts: 1 });
    const post = () => api.postToConnection({ ConnectionId: client.id, Data: 'x' });

    await strike({ service: 'dynamodb', operation: 'GetItem', table: 'sessions', outcome: 'throttle' });
    await expect(getItem()).rejects.toThrow(
      expect.objectContaining({ name: 'ProvisionedThroughputExceededException' }),
    );
    await send();
    await strike({ service: 'dynamodb', outcome: 'fail' });
    await expect(getItem()).rejects.toThrow(expect.objectContaining({ name: 'InternalServerError' }));
    await strike({ service: 'sqs', queue: 'timer', outcome: 'throttle' });
    await expect(send()).rejects.toThrow(expect.objectContaining({ name: 'RequestThrottled' }));
    await getItem();
    await strike({ service: 'connections', operation: 'PostToConnection', outcome: 'throttle' });
    await expect(post()).rejects.toThrow(expect.objectContaining({ name: 'LimitExceededException' }));
    await strike({ service: 'connections', table: 'sessions', outcome: 'throttle' });
    await post();
  });

  it('fail a call after its effect, so that the caller cannot know', async () => {
    await test.cloud.faults.set({
      fault: 'call',
      service: 'dynamodb',
      operation: 'PutItem',
      when: 'after',
      outcome: 'fail',
      times: 1,
    });
    const put = test.dynamodb().putItem({
      TableName: 'cirrus-sessions',
      Item: { id: { S: 'new' }, part: { S: 'head' } },
      ConditionExpression: 'attribute_not_exists(id)',
    });

    await expect(put).rejects.toBeInstanceOf(ConditionalCheckFailedException);
  });

  it.each(['before', 'after'] as const)('hold a call %s its effect until they are lifted', async (when) => {
    const Key = { id: { S: `held ${when}` }, part: { S: 'head' } };
    const seen = async () => (await test.dynamodb().getItem({ TableName: 'cirrus-sessions', Key })).Item !== undefined;
    const put: Fault = { fault: 'call', operation: 'PutItem', outcome: 'hold', when };
    const send: Fault = { fault: 'call', operation: 'SendMessage', outcome: 'hold', when };
    await test.cloud.faults.set(put, send);
    const answers: string[] = [];
    const written = test.dynamodb().putItem({ TableName: 'cirrus-sessions', Item: Key });
    const sent = test.sqs().sendMessage({ QueueUrl: test.queueUrl('timer'), MessageBody: 'x' });
    const answered = [written.then(() => answers.push('put')), sent.then(() => answers.push('send'))];
    await until(() => test.cloud.faults.struck(put) + test.cloud.faults.struck(send) === 2);

    if (when === 'before') expect(await seen()).toBe(false);
    else while (!(await seen())) await sleep(2);
    await test.cloud.faults.lift(send);
    await answered[1];
    expect(answers).toEqual(['send']);
    await test.cloud.faults.lift(put);
    await answered[0];
    expect(answers).toEqual(['send', 'put']);
    expect(await seen()).toBe(true);
  });

  it('do a batch in part', async () => {
    await test.cloud.faults.set({ fault: 'call', outcome: 'partial' });
    const RequestItems = {
      'cirrus-sessions': ['1', '2', '3'].map((part) => ({
        PutRequest: { Item: { id: { S: 'b' }, part: { S: part } } },
      })),
    };
    const Keys = ['1', '2', '3'].map((part) => ({ id: { S: 'b' }, part: { S: part } }));
    const Entries = ['1', '2', '3'].map((Id) => ({ Id, MessageBody: Id }));

    const written = await test.dynamodb().batchWriteItem({ RequestItems });
    expect(written.UnprocessedItems).toEqual({ 'cirrus-sessions': RequestItems['cirrus-sessions'].slice(2) });
    const read = await test.dynamodb().batchGetItem({ RequestItems: { 'cirrus-sessions': { Keys } } });
    expect(read.Responses!['cirrus-sessions']).toHaveLength(2);
    expect(read.UnprocessedKeys!['cirrus-sessions']!.Keys).toEqual(Keys.slice(2));
    const sent = await test.sqs().sendMessageBatch({ QueueUrl: test.queueUrl('timer'), Entries });
    expect(sent.Successful!.map(({ Id }) => Id)).toEqual(['1', '2']);
    expect(sent.Failed).toMatchObject([{ Id: '3', SenderFault: false }]);
  });

  it.each([
    [0, 'before', 1, 1],
    [0, 'after', 2, 1],
    [1, 'before', 2, 1],
    [1, 'after', 2, 2],
    [2, 'before', 2, 2],
    [2, 'after', 2, 2],
  ] as const)('kill a container at call %d, %s its effect', async (skip, when, written, posted) => {
    const client = await test.connect();
    await test.cloud.faults.set({ fault: 'call', outcome: 'kill', function: 'onPackets', skip, when, times: 1 });
    client.send(`steps client-${skip}-${when}`);
    await until(() => test.bodies(client.id).length === 2);
    await test.cloud.settled();

    expect(await steps(`client-${skip}-${when}`)).toBe(written);
    expect(client.received.length).toBe(posted);
    expect(test.cloud.faults.report()).toMatchObject([{ outcome: 'kill', struck: 1 }]);
  });

  it('kill containers during an invocation', async () => {
    const client = await test.connect();
    client.send('hang');
    await until(() => test.bodies(client.id).length === 1);
    await test.cloud.faults.kill('onPackets');
    await until(() => test.bodies(client.id).length === 2);
    await test.cloud.faults.kill();
    await test.cloud.faults.set();
    for (let receives = 3; receives <= queues.packets.maxReceives; receives += 1) {
      await until(() => test.bodies(client.id).length === receives);
      await test.cloud.faults.kill();
    }
    await until(() => test.cloud.deadLetters().length === 1);
  });

  it('are set over HTTP too', async () => {
    const url = test.cloud.billUrl.replace('bill', 'faults');
    const post = (body: unknown) => fetch(url, { method: 'POST', headers: json, body: JSON.stringify(body) });
    const client = await test.connect();
    const before = test.cloud.clock.now();

    const answer = await post([
      { fault: 'seed', seed: 3 },
      { fault: 'jump-clock', milliseconds: 60_000 },
      { fault: 'frame', does: 'duplicate', times: 1 },
    ]);
    expect(await answer.json()).toEqual([{ fault: 'frame', does: 'duplicate', times: 1, struck: 0 }]);
    client.send('a');
    await until(() => test.bodies(client.id).length === 2);
    expect(await (await fetch(url)).json()).toMatchObject([{ struck: 1 }]);
    expect(test.cloud.clock.now() - before).toBeGreaterThanOrEqual(60_000);
    await fetch(url, { method: 'DELETE', headers: json });
    expect(await (await fetch(url)).json()).toEqual([]);
    await post({ fault: 'kill-containers', function: 'onPackets' });
    await post({ fault: 'cut-socket', connectionId: client.id });
    expect(await client.closed).toBe(1006);
  });

  it.each([
    [
      { fault: 'flood' },
      'fault is "flood", but must be one of call, frame, lose-disconnect, cut-socket, kill-containers, jump-clock, seed',
    ],
    [{ fault: 'call', outcome: 'crash' }, 'outcome is "crash", but must be one of throttle, fail, kill, partial, hold'],
    [{ fault: 'frame', does: 'lose' }, 'does is "lose", but must be one of duplicate, delay, reorder, cut'],
    [{ fault: 'jump-clock' }, 'milliseconds is undefined, but must be a number from 0'],
  ])('are refused over HTTP when they are none: %j', async (fault, message) => {
    const url = test.cloud.billUrl.replace('bill', 'faults');
    const before = test.cloud.clock.now();

    const answer = await fetch(url, { method: 'POST', headers: json, body: JSON.stringify(fault) });

    expect(answer.status).toBe(400);
    expect(await answer.json()).toEqual({ message: `Error: ${message}` });
    expect(test.cloud.faults.report()).toEqual([]);
    expect(test.cloud.clock.now()).toBeGreaterThanOrEqual(before);
  });
});
