import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { largestBody } from '../../lambdas/api/read-request';
import { Signer } from '../../lambdas/aws/lean/signature';
import { TestBroker } from '../support/test-broker';
import { apiOf, localCredentials } from './support';

interface Said {
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

  /** Signed by hand; the signer that users have is tried everywhere else. */
  async function ask(method: string, path: string, said: Said = {}) {
    const { body = '', type = 'application/json', secret = 'local', now = new Date(), service = 'execute-api' } = said;
    const url = new URL(`${broker.cloud.apiUrl}${path}`);
    const signer = new Signer({ ...localCredentials, secretAccessKey: secret }, 'us-east-1', service);
    const headers = { host: url.host, ...(body && { 'content-type': type }), ...said.headers };
    const { host: _, ...signed } = signer.sign({ method, path: url.pathname, headers, body }, now);
    const response = await fetch(url, { method, headers: signed, ...(body && { body }) });
    const text = await response.text();
    return { status: response.status, type: response.headers.get('content-type'), body: text && JSON.parse(text) };
  }

  it.each([
    ['a wrong secret', { secret: 'guessed' }],
    ['a signature of yesterday', { now: new Date(Date.now() - 86_400_000) }],
    ['a signature for another service', { service: 'iotdata' }],
  ])('forbids %s, as IAM does', async (_what, said) => {
    expect(await ask('GET', '/clients', said)).toMatchObject({ status: 403, body: { message: 'Forbidden' } });
  });

  it('forbids a body that was changed on the way, a key it does not know, and no signature at all', async () => {
    const signer = new Signer(localCredentials, 'us-east-1', 'execute-api');
    const url = new URL(`${broker.cloud.apiUrl}/messages`);
    const request = { method: 'POST', path: url.pathname, headers: { host: url.host }, body: '{"topic":"a"}' };
    const { host: _, ...headers } = signer.sign(request, new Date());

    expect((await fetch(url, { method: 'POST', headers, body: '{"topic":"b"}' })).status).toBe(403);
    expect((await fetch(url, { method: 'POST', body: '{"topic":"b"}' })).status).toBe(403);
    const stranger = apiOf(broker.cloud, { accessKeyId: 'stranger', secretAccessKey: 'local' });
    await expect(stranger.clientPage()).rejects.toMatchObject({ status: 403, code: 'forbidden' });
  });

  it('does not know other routes', async () => {
    expect(await ask('PUT', '/clients')).toMatchObject({ status: 404 });
    expect(await ask('GET', '/nothing')).toMatchObject({ status: 404 });
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
  ])('answers %.60s with the problem %s', async (body, code, status) => {
    const answer = await ask('POST', '/messages', { body });

    expect(answer).toMatchObject({ status, type: 'application/problem+json', body: { code, status } });
    expect(answer.body.title).toEqual(expect.any(String));
  });

  it('says where it is wrong', async () => {
    const { body } = await ask('POST', '/messages', { body: '{"messages":[{"topic":"a"},{"qos":1,"a/b":2}]}' });

    expect(body.errors).toEqual([
      { pointer: '/messages/1/topic', detail: 'is required' },
      { pointer: '/messages/1/a~1b', detail: 'is not known here' },
    ]);
  });

  it('refuses a body that is too large', async () => {
    const body = JSON.stringify({ topic: 'a', text: 'x'.repeat(largestBody) });

    expect(await ask('POST', '/messages', { body })).toMatchObject({ status: 413, body: { code: 'body-too-large' } });
  });

  it('refuses parameters that it does not know', async () => {
    const api = apiOf(broker.cloud);

    await expect(api.clientPage({ filter: 'x' } as object)).rejects.toMatchObject({
      code: 'invalid-request',
      errors: [{ pointer: 'filter', detail: 'is not known here' }],
    });
    await expect(api.disconnect('a', { will: 'maybe' as 'publish' })).rejects.toMatchObject({
      code: 'invalid-request',
    });
  });

  it('reads a body that is not said to be JSON, as curl sends it', async () => {
    const type = 'application/x-www-form-urlencoded';

    expect(await ask('POST', '/messages', { body: '{"topic":"a"}', type })).toMatchObject({ status: 200 });
  });

  it('takes a topic in the path as it is, and as base64url', async () => {
    await apiOf(broker.cloud).publish({ topic: 'in/the/path', payload: 'x', retain: true });

    expect(await ask('GET', '/retained/in/the/path')).toMatchObject({ status: 200, body: { topic: 'in/the/path' } });
    const other = `~${Buffer.from('in/the/path').toString('base64url')}`;
    expect(await ask('GET', `/retained/${other}`)).toMatchObject({ status: 200, body: { text: 'x' } });
  });

  it('is on the bill', async () => {
    await broker.cloud.resetBill();
    await ask('GET', '/clients');
    await ask('GET', '/clients', { secret: 'guessed' });

    const { api } = await broker.cloud.bill();
    expect(api).toEqual({ requests: 1, dollars: 1e-6 });
  });

  it('notes who did what, and nothing that was said', async () => {
    await ask('POST', '/messages', { body: '{"topic":"secret/topic","text":"secret"}' });

    const [line] = broker.logged('api').slice(-1);
    expect(line).toEqual({
      event: 'api',
      operation: 'publish',
      status: 200,
      caller: 'arn:aws:iam::000000000000:user/local',
    });
  });

  it('answers 500 when its function fails, and says no more', async () => {
    await broker.cloud.faults.set({ fault: 'call', service: 'dynamodb', function: 'onApi', outcome: 'fail' });
    try {
      const answer = await ask('GET', '/clients/a');
      expect(answer).toMatchObject({ status: 500, body: { code: 'internal-error' } });
      expect(JSON.stringify(answer.body)).not.toContain('local cloud');
    } finally {
      await broker.cloud.faults.clear();
    }
  });
});
