import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FunctionName, QueueName } from '../../lambdas/deployment';
import { TestCloud } from './support';

describe('the containers of a function', () => {
  let test: TestCloud;
  beforeAll(async () => {
    test = await TestCloud.start();
  });
  afterAll(() => test.cloud.stop());

  const as = (name: FunctionName) => ({ credentials: { accessKeyId: `local0${name}9`, secretAccessKey: 'local' } });
  const denied = (name: string) => expect.objectContaining({ name });
  const row = (table: string, ...names: string[]) => ({
    TableName: `cirrus-${table}`,
    Key: Object.fromEntries(names.map((name) => [name, { S: 'a' }])),
  });

  it('may read and write only the tables they were granted', async () => {
    const systemTopics = test.dynamodb(as('onSystemTopics'));
    const session = row('sessions', 'id', 'part');
    const slot = row('inflight', 'session', 'slot');

    await systemTopics.getItem(session);
    await expect(systemTopics.deleteItem(session)).rejects.toThrow(denied('AccessDeniedException'));
    await expect(systemTopics.getItem(slot)).rejects.toThrow(denied('AccessDeniedException'));
    const both = {
      RequestItems: { 'cirrus-sessions': { Keys: [session.Key] }, 'cirrus-inflight': { Keys: [slot.Key] } },
    };
    await expect(systemTopics.batchGetItem(both)).rejects.toThrow(denied('AccessDeniedException'));
    await expect(systemTopics.listTables()).rejects.toThrow(denied('AccessDeniedException'));
    await test.dynamodb(as('onPackets')).batchGetItem(both);
  });

  it('may scan only the tables they were granted from one end to the other', async () => {
    const scan = (name: FunctionName, table: string) => test.dynamodb(as(name)).scan({ TableName: `cirrus-${table}` });

    await scan('onApi', 'sessions');
    await scan('onApi', 'retained');
    await expect(scan('onApi', 'accounts')).rejects.toThrow(denied('AccessDeniedException'));
    await expect(scan('onPackets', 'sessions')).rejects.toThrow(denied('AccessDeniedException'));
  });

  it('may send only to the queues they were granted', async () => {
    const to = (queue: QueueName) => ({ QueueUrl: test.queueUrl(queue), MessageBody: 'x' });
    const connect = test.sqs(as('onConnect'));

    await expect(connect.sendMessage(to('packets'))).rejects.toThrow(denied('AccessDeniedException'));
    await connect.sendMessage(to('timer'));
  });

  it('may use only the methods of @connections they were granted', async () => {
    const { id: ConnectionId } = await test.connect();
    const timer = test.connectionsApi(as('onTimer'));

    await expect(timer.postToConnection({ ConnectionId, Data: 'x' })).rejects.toThrow(denied('ForbiddenException'));
    await timer.deleteConnection({ ConnectionId });
  });
});
