import { once } from 'node:events';
import http, { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { HttpSender } from '../../lambdas/aws/lean/http-sender';
import { type HttpRequest, noReply } from '../../local/http-exchange';
import { replaceHttpRequest } from '../../local/lambda/container-network';
import { type Endpoint, Network } from '../../local/lambda/network';
import type { NetworkAccess } from '../../local/lambda/network-messages';

const overSocket = http.request;
let access: NetworkAccess | undefined;
let server: Server | undefined;

afterEach(() => {
  Object.assign(http, { request: overSocket });
  access?.port.close();
  server?.close();
});

/** A port below 1024 without a listener. */
const endpointPort = 9;

function join(endpoint: Endpoint): void {
  const network = new Network();
  network.add(endpointPort, endpoint);
  access = network.connect();
  replaceHttpRequest(access);
}

function sender(port = endpointPort): HttpSender {
  return new HttpSender(new URL(`http://127.0.0.1:${port}`));
}

/** True while the thread waits for a response. */
function isWaiting(): boolean {
  return (access!.port as unknown as { hasRef(): boolean }).hasRef();
}

const request = { method: 'POST', path: '/a?b=1', headers: { host: 'here', 'x-amz-target': 'T' }, body: 'text' };

describe('the network between containers and endpoints', () => {
  it('carries method, path, headers and body to the endpoint, and its response back, without a socket', async () => {
    const seen: HttpRequest[] = [];
    join((incoming) => {
      seen.push(incoming);
      return { status: 201, headers: { 'x-amzn-errortype': 'None' }, body: 'ünswer' };
    });
    const answer = await sender().send(request);
    expect(answer).toEqual({ status: 201, headers: { 'x-amzn-errortype': 'None' }, body: 'ünswer' });
    expect(seen).toEqual([{ method: 'POST', url: '/a?b=1', headers: request.headers, body: Buffer.from('text') }]);
  });

  it('takes the bytes of a body, and not the pool they lie in', async () => {
    join(({ body }) => ({ status: 200, headers: {}, body: `${body.toString()} of ${body.buffer.byteLength}` }));
    const body = Buffer.from('some bytes');
    expect(body.buffer.byteLength).toBeGreaterThan(body.length);
    expect((await sender().send({ ...request, body })).body).toBe(`some bytes of ${body.length}`);
  });

  it('matches responses that arrive in another order', async () => {
    const finish: (() => void)[] = [];
    join(
      ({ body }) =>
        new Promise((resolve) => finish.push(() => resolve({ status: 200, headers: {}, body: body.toString() }))),
    );
    const answers = ['one', 'two', 'three'].map((body) => sender().send({ ...request, body }));
    while (finish.length < 3) await new Promise(setImmediate);
    for (const answer of finish.reverse()) answer();
    expect((await Promise.all(answers)).map(({ body }) => body)).toEqual(['one', 'two', 'three']);
  });

  it('describes the error of a request that no endpoint can parse', async () => {
    join(() => {
      throw new Error('not JSON');
    });
    expect(await sender().send(request)).toMatchObject({ status: 400, body: '{"message":"Error: not JSON"}' });
  });

  it('responds with 404 where no endpoint handles a request', async () => {
    join(() => undefined);
    expect((await sender().send(request)).status).toBe(404);
  });

  it('leaves a caller without a response when the endpoint gives none; the caller has its own time limit', async () => {
    join(() => noReply);
    const call = http.request({ host: '127.0.0.1', port: endpointPort, timeout: 10, method: 'GET', path: '/' });
    const waited = once(call, 'timeout');
    call.end('');
    expect(isWaiting()).toBe(true);
    await waited;
    const failed = once(call, 'error').catch((error) => error);
    call.destroy(new Error('no answer'));
    expect(await failed).toMatchObject([{ message: 'no answer' }]);
    expect(isWaiting()).toBe(false);
  });

  it('does not keep a thread alive when no call waits', async () => {
    join(() => ({ status: 200, headers: {}, body: '' }));
    await sender().send(request);
    expect(isWaiting()).toBe(false);
  });

  it('uses sockets for other addresses, and for requests with a callback', async () => {
    join(() => ({ status: 500, headers: {}, body: 'by the network' }));
    server = createServer((_request, response) => response.end('by a socket'));
    await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    expect((await sender(port).send({ ...request, headers: {} })).body).toBe('by a socket');
    const refused = http.request({ host: '127.0.0.1', port: endpointPort }, () => {});
    refused.end();
    expect(await once(refused, 'error').catch((error) => [error])).toMatchObject([{ code: 'ECONNREFUSED' }]);
  });
});
