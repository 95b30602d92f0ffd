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
  let poster: ConnectionsApi;
  beforeAll(async () => {
    test = await TestCloud.start();
    poster = create(test.cloud.callbackUrl);
  });
  afterEach(() => test.cloud.faults.clear());
  afterAll(() => test.cloud.stop());

  it('posts a text to its client and nobody else', async () => {
    const other = await test.connect();
    const client = await test.connect();

    await expect(poster.post(client.id, Buffer.from('1 kAA='))).resolves.toBe(200);
    await until(() => client.received.length === 1);

    expect(client.received).toEqual(['1 kAA=']);
    expect(other.received).toEqual([]);
  });

  it('posts many at once, each whole', async () => {
    const client = await test.connect();
    const texts = Array.from({ length: 20 }, (_, number) => `${number} ${'x'.repeat(5000)}`);

    const answers = await Promise.all(texts.map((text) => poster.post(client.id, Buffer.from(text))));
    await until(() => client.received.length === texts.length);

    expect(new Set(answers)).toEqual(new Set([200]));
    expect([...client.received].sort()).toEqual([...texts].sort());
  });

  it('tells 410 for a connection that is not there', async () => {
    await expect(poster.post('JC1dgf9yoAMCK-g=', Buffer.from('x'))).resolves.toBe(410);
  });

  it('tells 413 for what is too large', async () => {
    const client = await test.connect();

    await expect(poster.post(client.id, Buffer.alloc(131_073, 'x'))).resolves.toBe(413);
  });

  it.each([
    ['throttle', 429],
    ['fail', 500],
  ] as const)('tells of a %s with %i', async (outcome, status) => {
    const client = await test.connect();
    await test.cloud.faults.set({ fault: 'call', service: 'connections', outcome });

    await expect(poster.post(client.id, Buffer.from('x'))).resolves.toBe(status);
    expect(client.received).toEqual([]);
  });

  it('tells where a connection comes from, and nothing of one that is not there', async () => {
    const client = await test.connect();

    expect(await poster.describe(client.id)).toEqual({ address: '127.0.0.1', lastActiveAt: expect.any(String) });
    expect(await poster.describe('JC1dgf9yoAMCK-g=')).toBeUndefined();
  });

  it('tells nothing when no answer comes', async () => {
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

  it('is content when the connection is not there', async () => {
    await expect(connections.close('JC1dgf9yoAMCK-g=')).resolves.toBe('gone');
  });

  it.each(['throttle', 'fail'] as const)('tries again what meets a %s', async (outcome) => {
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

  it('says so when no answer comes', async () => {
    const server = createServer((request) => request.socket.destroy()).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;

    const closing = new GatewayConnections(create(`http://127.0.0.1:${port}/mqtt`)).close('x');

    await expect(closing).rejects.toThrow('no response');
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('what a status means for the packet', () => {
  it.each([
    [200, 'sent'],
    [410, 'gone'],
    [429, 'busy'],
    [403, 'unknown'],
    [413, 'too large'],
    [500, 'unknown'],
    [undefined, 'unknown'],
  ])('%p: %s', (status, meaning) => {
    expect(toPostResult(status)).toBe(meaning);
  });
});
