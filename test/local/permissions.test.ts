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
    const schedule = test.dynamodb(as('onSchedule'));
    const connection = row('connections', 'connectionId');
    const session = row('sessions', 'id', 'part');

    await schedule.getItem(connection);
    await expect(schedule.deleteItem(connection)).rejects.toThrow(denied('AccessDeniedException'));
    await expect(schedule.getItem(session)).rejects.toThrow(denied('AccessDeniedException'));
    const both = {
      RequestItems: { 'cirrus-connections': { Keys: [connection.Key] }, 'cirrus-sessions': { Keys: [session.Key] } },
    };
    await expect(schedule.batchGetItem(both)).rejects.toThrow(denied('AccessDeniedException'));
    await expect(schedule.listTables()).rejects.toThrow(denied('AccessDeniedException'));
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
