import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { maxBodyBytes } from '../../lambdas/api/read-request';
import { Signer } from '../../lambdas/aws/lean/signature';
import { TestBroker } from '../support/test-broker';
import { apiOf, localCredentials } from './support';

interface RequestOptions {
  readonly body?: string;
  readonly type?: string;
  readonly headers?: Record<string, string>;
  readonly secret?: string;
  readonly now?: Date;
  readonly service?: string;
}

describe('the API over HTTP', () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await TestBroker.start();
  });
  afterAll(() => broker.stop());

  /** Signs the request itself; other tests use the signer of the client. */
  async function send(method: string, path: string, options: RequestOptions = {}) {
    const {
      body = '',
      type = 'application/json',
      secret = 'local',
      now = new Date(),
      service = 'execute-api',
    } = options;
    const url = new URL(`${broker.cloud.apiUrl}${path}`);
    const signer = new Signer({ ...localCredentials, secretAccessKey: secret }, 'us-east-1', service);
    const headers = { host: url.host, ...(body && { 'content-type': type }), ...options.headers };
    const { host: _, ...signed } = signer.sign({ method, path: url.pathname, headers, body }, now);
    const response = await fetch(url, { method, headers: signed, ...(body && { body }) });
    const text = await response.text();
    return { status: response.status, type: response.headers.get('content-type'), body: text && JSON.parse(text) };
  }

  it.each([
    ['a wrong secret', { secret: 'guessed' }],
    ['a signature of yesterday', { now: new Date(Date.now() - 86_400_000) }],
    ['a signature for another service', { service: 'iotdata' }],
  ])('forbids %s, as IAM does', async (_what, options) => {
    expect(await send('GET', '/clients', options)).toMatchObject({ status: 403, body: { message: 'Forbidden' } });
  });

  it('forbids a body that was changed on the way, an unknown key, and a missing signature', async () => {
    const signer = new Signer(localCredentials, 'us-east-1', 'execute-api');
    const url = new URL(`${broker.cloud.apiUrl}/messages`);
    const request = { method: 'POST', path: url.pathname, headers: { host: url.host }, body: '{"topic":"a"}' };
    const { host: _, ...headers } = signer.sign(request, new Date());

    expect((await fetch(url, { method: 'POST', headers, body: '{"topic":"b"}' })).status).toBe(403);
    expect((await fetch(url, { method: 'POST', body: '{"topic":"b"}' })).status).toBe(403);
    const stranger = apiOf(broker.cloud, { accessKeyId: 'stranger', secretAccessKey: 'local' });
    await expect(stranger.clientPage()).rejects.toMatchObject({ status: 403, code: 'forbidden' });
  });

  it('responds with 404 to unknown routes', async () => {
    expect(await send('PUT', '/clients')).toMatchObject({ status: 404 });
    expect(await send('GET', '/nothing')).toMatchObject({ status: 404 });
  });

  it.each([
    ['{"topic":', 'malformed-json', 400],
    ['[]', 'invalid-request', 400],
    ['{"topic":"a","payloads":"x"}', 'invalid-request', 400],
    ['{"topic":"a","text":"x","payload":"eA=="}', 'invalid-request', 400],
    ['{"topic":"a","payload":"not base64"}', 'invalid-request', 400],
    ['{"topic":"a","qos":3}', 'invalid-request', 400],
    ['{"topic":""}', 'invalid-request', 400],
    ['{"topic":"a\\u0000b"}', 'invalid-request', 400],
    ['{"topic":"a\\ud800b"}', 'invalid-request', 400],
    ['{"messages":[]}', 'invalid-request', 400],
    [`{"messages":[${Array(101).fill('{"topic":"a"}').join(',')}]}`, 'invalid-request', 400],
    ['{"messages":[{"topic":"a","qos":"1"}]}', 'invalid-request', 400],
    ['{"topic":"a/#"}', 'message-refused', 422],
    ['{"topic":"a\\uffff"}', 'message-refused', 422],
    ['{"topic":"a","contentType":"\\u0001"}', 'message-refused', 422],
    ['{"topic":"a","responseTopic":"\\ufdd0"}', 'message-refused', 422],
    ['{"topic":"a","userProperties":[{"name":"n","value":"\\u0085"}]}', 'message-refused', 422],
  ])('responds to %.60s with the problem %s', async (body, code, status) => {
    const response = await send('POST', '/messages', { body });

    expect(response).toMatchObject({ status, type: 'application/problem+json', body: { code, status } });
    expect(response.body.title).toEqual(expect.any(String));
  });

  it('returns a pointer to each violation', async () => {
    const { body } = await send('POST', '/messages', { body: '{"messages":[{"topic":"a"},{"qos":1,"a/b":2}]}' });

    expect(body.errors).toEqual([
      { pointer: '/messages/1/topic', detail: 'is required' },
      { pointer: '/messages/1/a~1b', detail: 'is not known here' },
    ]);
  });

  it('refuses a body that is too large', async () => {
    const body = JSON.stringify({ topic: 'a', text: 'x'.repeat(maxBodyBytes) });

    expect(await send('POST', '/messages', { body })).toMatchObject({ status: 413, body: { code: 'body-too-large' } });
  });

  it('refuses unknown parameters', async () => {
    const api = apiOf(broker.cloud);

    await expect(api.clientPage({ filter: 'x' } as object)).rejects.toMatchObject({
      code: 'invalid-request',
      errors: [{ pointer: 'filter', detail: 'is not known here' }],
    });
    await expect(api.disconnect('a', { will: 'maybe' as 'publish' })).rejects.toMatchObject({
      code: 'invalid-request',
    });
  });

  it('accepts a JSON body with another content type, as curl sends it', async () => {
    const type = 'application/x-www-form-urlencoded';

    expect(await send('POST', '/messages', { body: '{"topic":"a"}', type })).toMatchObject({ status: 200 });
  });

  it('accepts a topic in the path as it is, and as base64url', async () => {
    await apiOf(broker.cloud).publish({ topic: 'in/the/path', payload: 'x', retain: true });

    expect(await send('GET', '/retained/in/the/path')).toMatchObject({ status: 200, body: { topic: 'in/the/path' } });
    const other = `~${Buffer.from('in/the/path').toString('base64url')}`;
    expect(await send('GET', `/retained/${other}`)).toMatchObject({ status: 200, body: { text: 'x' } });
  });

  it('is on the bill', async () => {
    await broker.cloud.resetBill();
    await send('GET', '/clients');
    await send('GET', '/clients', { secret: 'guessed' });

    const { api } = await broker.cloud.bill();
    expect(api).toEqual({ requests: 1, dollars: 1e-6 });
  });

  it('logs caller, operation and status, but no topic and no payload', async () => {
    await send('POST', '/messages', { body: '{"topic":"secret/topic","text":"secret"}' });

    const [line] = broker.logged('api').slice(-1);
    expect(line).toEqual({
      event: 'api',
      operation: 'publish',
      status: 200,
      caller: 'arn:aws:iam::000000000000:user/local',
    });
  });

  it('responds with 500 without details if the function fails', async () => {
    await broker.cloud.faults.set({ fault: 'call', service: 'dynamodb', function: 'onApi', outcome: 'fail' });
    try {
      const response = await send('GET', '/clients/a');
      expect(response).toMatchObject({ status: 500, body: { code: 'internal-error' } });
      expect(JSON.stringify(response.body)).not.toContain('local cloud');
    } finally {
      await broker.cloud.faults.clear();
    }
  });
});
