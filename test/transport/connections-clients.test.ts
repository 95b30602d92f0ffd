import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ApiGatewayManagementApiClient } from '@aws-sdk/client-apigatewaymanagementapi';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ConnectionsApi } from '../../lambdas/aws/connections-api';
import { LeanConnections } from '../../lambdas/aws/lean/lean-connections';
import { SdkConnections } from '../../lambdas/aws/sdk/sdk-connections';
import { GatewayConnections, toPostResult } from '../../lambdas/transport/gateway-connections';
import { TestCloud, until } from '../local/support';
import { withoutPauses } from '../support/without-pauses';

const region = 'us-east-1';
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };

type Create = (endpoint: string) => ConnectionsApi;

const sdk: Create = (endpoint) =>
  new SdkConnections(new ApiGatewayManagementApiClient({ endpoint, region, credentials, maxAttempts: 1 }));

const lean: Create = (endpoint) => new LeanConnections({ endpoint, region, credentials });

describe.each<[string, Create]>([
  ['LeanConnections', lean],
  ['SdkConnections', sdk],
])('%s', (_name, create) => {
  let test: TestCloud;
  let api: ConnectionsApi;
  beforeAll(async () => {
    test = await TestCloud.start();
    api = create(test.cloud.callbackUrl);
  });
  afterEach(() => test.cloud.faults.clear());
  afterAll(() => test.cloud.stop());

  it('posts a text to its client only', async () => {
    const other = await test.connect();
    const client = await test.connect();

    await expect(api.post(client.id, Buffer.from('1 kAA='))).resolves.toBe(200);
    await until(() => client.received.length === 1);

    expect(client.received).toEqual(['1 kAA=']);
    expect(other.received).toEqual([]);
  });

  it('posts many texts at once, each complete', async () => {
    const client = await test.connect();
    const texts = Array.from({ length: 20 }, (_, number) => `${number} ${'x'.repeat(5000)}`);

    const statuses = await Promise.all(texts.map((text) => api.post(client.id, Buffer.from(text))));
    await until(() => client.received.length === texts.length);

    expect(new Set(statuses)).toEqual(new Set([200]));
    expect([...client.received].sort()).toEqual([...texts].sort());
  });

  it('returns 410 for a connection that does not exist', async () => {
    await expect(api.post('JC1dgf9yoAMCK-g=', Buffer.from('x'))).resolves.toBe(410);
  });

  it('returns 413 for a text that is too large', async () => {
    const client = await test.connect();

    await expect(api.post(client.id, Buffer.alloc(131_073, 'x'))).resolves.toBe(413);
  });

  it.each([
    ['throttle', 429],
    ['fail', 500],
  ] as const)('returns the status of a %s: %i', async (outcome, status) => {
    const client = await test.connect();
    await test.cloud.faults.set({ fault: 'call', service: 'connections', outcome });

    await expect(api.post(client.id, Buffer.from('x'))).resolves.toBe(status);
    expect(client.received).toEqual([]);
  });

  it('describes a connection, and returns undefined for one that does not exist', async () => {
    const client = await test.connect();

    expect(await api.describe(client.id)).toEqual({ address: '127.0.0.1', lastActiveAt: expect.any(String) });
    expect(await api.describe('JC1dgf9yoAMCK-g=')).toBeUndefined();
  });

  it('returns undefined if no response comes', async () => {
    const server = createServer((request) => request.socket.destroy()).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;

    await expect(create(`http://127.0.0.1:${port}/mqtt`).post('x', Buffer.from('x'))).resolves.toBeUndefined();
    await new Promise((resolve) => server.close(resolve));
  });
});

describe.each<[string, Create]>([
  ['LeanConnections', lean],
  ['SdkConnections', sdk],
])('%s closing a connection', (_name, create) => {
  withoutPauses();
  let test: TestCloud;
  let connections: GatewayConnections;
  beforeAll(async () => {
    test = await TestCloud.start();
    connections = new GatewayConnections(create(test.cloud.callbackUrl));
  });
  afterEach(() => test.cloud.faults.clear());
  afterAll(() => test.cloud.stop());

  const struck = () => test.cloud.faults.report()[0]?.struck;

  it('closes that one and no other', async () => {
    const other = await test.connect();
    const client = await test.connect();

    await connections.close(client.id);

    expect(test.cloud.connections()).toContain(other.id);
    expect(test.cloud.connections()).not.toContain(client.id);
  });

  it('succeeds if the connection does not exist', async () => {
    await expect(connections.close('JC1dgf9yoAMCK-g=')).resolves.toBe('gone');
  });

  it.each(['throttle', 'fail'] as const)('repeats a call that meets a %s', async (outcome) => {
    const client = await test.connect();
    await test.cloud.faults.set({ fault: 'call', service: 'connections', outcome, times: 2 });

    await connections.close(client.id);

    expect(test.cloud.connections()).not.toContain(client.id);
    expect(struck()).toBe(2);
  });

  it.each([
    ['throttle', 429],
    ['fail', 500],
  ] as const)('gives up after five attempts that met a %s', async (outcome, status) => {
    const client = await test.connect();
    await test.cloud.faults.set({ fault: 'call', service: 'connections', outcome });

    await expect(connections.close(client.id)).rejects.toThrow(`${client.id} was not closed: ${status}`);
    expect(struck()).toBe(5);
  });

  it('fails if no response comes', async () => {
    const server = createServer((request) => request.socket.destroy()).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;

    const closing = new GatewayConnections(create(`http://127.0.0.1:${port}/mqtt`)).close('x');

    await expect(closing).rejects.toThrow('no response');
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('the result of a post', () => {
  it.each([
    [200, 'sent'],
    [410, 'gone'],
    [429, 'busy'],
    [403, 'unknown'],
    [413, 'too large'],
    [500, 'unknown'],
    [undefined, 'unknown'],
  ])('is for status %p: %s', (status, result) => {
    expect(toPostResult(status)).toBe(result);
  });
});
