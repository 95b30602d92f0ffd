import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BrokerApi } from '../../clients/api';
import { type Cloud, startCloud } from '../../local/cloud';
import { localCredentials } from './support';

/** Forwards requests as CloudFront does with the policy AllViewerExceptHostHeader: everything except the Host header. */
function passOn(target: URL): Server {
  return createServer((incoming, outgoing) => {
    const headers = { ...incoming.headers, host: target.host, via: '1.1 proxy' };
    const { method, url: path } = incoming;
    const onward = request({ hostname: target.hostname, port: target.port, method, path, headers }, (response) => {
      outgoing.writeHead(response.statusCode!, response.headers);
      response.pipe(outgoing);
    });
    incoming.pipe(onward);
  });
}

describe('an API behind a proxy', () => {
  let cloud: Cloud;
  let proxy: Server;
  let via: string;
  beforeAll(async () => {
    cloud = await startCloud({ containers: 1 });
    proxy = passOn(new URL(cloud.apiUrl));
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    via = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/api`;
  });
  afterAll(async () => {
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
    await cloud.stop();
  });

  const common = { region: 'us-east-1', credentials: localCredentials };

  it('accepts signatures for its own address, for paths and queries with any characters', async () => {
    const api = new BrokerApi({ ...common, url: cloud.apiUrl, via });
    const topic = 'via/a b/ä=~/%2F';

    await api.publish({ topic, payload: 'x', qos: 1, retain: true });

    expect(await api.retainedPage({ filter: 'via/a b/#', limit: 10 })).toMatchObject({ items: [{ topic }] });
    expect(await api.retainedMessage(topic)).toMatchObject({ topic, text: 'x' });
    await api.deleteRetained(topic);
    expect(await api.retainedPage({ filter: 'via/#' })).toEqual({ items: [] });
  });

  it('refuses signatures for the address of the proxy', async () => {
    const api = new BrokerApi({ ...common, url: via });

    await expect(api.clientPage()).rejects.toMatchObject({ status: 403, code: 'forbidden' });
  });
});
