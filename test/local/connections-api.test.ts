import {
  GoneException,
  LimitExceededException,
  PayloadTooLargeException,
} from '@aws-sdk/client-apigatewaymanagementapi';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Signal, TestCloud, until } from './support';

describe('the @connections API', () => {
  let test: TestCloud;
  let api: ReturnType<TestCloud['connectionsApi']>;
  beforeAll(async () => {
    test = await TestCloud.start({ bufferBytes: 100_000 });
    api = test.connectionsApi();
  });
  afterAll(() => test.cloud.stop());

  it('sends a payload as a text frame, in the order of the posts', async () => {
    const client = await test.connect();
    let binary: boolean | undefined;
    client.socket.once('message', (_data, isBinary) => {
      binary = isBinary;
    });
    for (let number = 0; number < 20; number += 1) {
      await api.postToConnection({ ConnectionId: client.id, Data: `number ${number}` });
    }
    await until(() => client.received.length === 20);

    expect(client.received).toEqual(Array.from({ length: 20 }, (_, number) => `number ${number}`));
    expect(binary).toBe(false);
  });

  it('describes a connection', async () => {
    const client = await test.connect('', [], { headers: { 'user-agent': 'tester' } });

    const answer = await api.getConnection({ ConnectionId: client.id });

    expect(answer.Identity).toEqual({ SourceIp: '127.0.0.1', UserAgent: 'tester' });
    expect(answer.ConnectedAt).toBeInstanceOf(Date);
    expect(answer.LastActiveAt).toBeInstanceOf(Date);
  });

  it('deletes a connection with 1000 and a $disconnect', async () => {
    const client = await test.connect();
    await api.deleteConnection({ ConnectionId: client.id });

    expect(await client.closed).toBe(1000);
    await until(() => test.bodies(client.id).includes('disconnect'));
    await expect(api.getConnection({ ConnectionId: client.id })).rejects.toBeInstanceOf(GoneException);
    await expect(api.deleteConnection({ ConnectionId: client.id })).rejects.toBeInstanceOf(GoneException);
  });

  it('responds with 410 for a connection that never existed or no longer exists', async () => {
    const client = await test.connect();
    client.socket.terminate();
    await until(() => test.cloud.connections().includes(client.id) === false);

    for (const ConnectionId of [client.id, 'JC1dgf9yoAMCK-g=']) {
      await expect(api.postToConnection({ ConnectionId, Data: 'x' })).rejects.toBeInstanceOf(GoneException);
    }
  });

  it('responds with 410 until $connect has ended', async () => {
    const before = test.connectEvents.length;
    const connecting = new Signal();
    const opening = test.connect(`?wait=${connecting.file}`);
    await until(() => test.connectEvents.length > before);
    const { connectionId } = test.connectEvents.at(-1)!.requestContext;

    const post = () => api.postToConnection({ ConnectionId: connectionId, Data: 'x' });
    await expect(post()).rejects.toBeInstanceOf(GoneException);
    connecting.give();
    await opening;
    connecting.remove();
    await post();
  });

  it('accepts 128 KB and responds with 413 beyond it, without closing the connection', async () => {
    const client = await test.connect();
    const post = (bytes: number) => api.postToConnection({ ConnectionId: client.id, Data: 'x'.repeat(bytes) });

    await post(131_072);
    await expect(post(131_073)).rejects.toBeInstanceOf(PayloadTooLargeException);
    await until(() => client.received.length === 1);
    expect(client.socket.readyState).toBe(client.socket.OPEN);
  });

  it('responds with 429 while a client does not read', async () => {
    const client = await test.connect();
    client.socket.pause();
    const impatient = test.connectionsApi({ maxAttempts: 1 });
    const Data = 'x'.repeat(131_072);

    const flood = async () => {
      for (;;) await impatient.postToConnection({ ConnectionId: client.id, Data });
    };
    await expect(flood()).rejects.toBeInstanceOf(LimitExceededException);
    client.socket.resume();
    await until(() => client.received.length > 1);
    await api.postToConnection({ ConnectionId: client.id, Data: 'last' });
    await until(() => client.received.at(-1) === 'last');
  });
});
