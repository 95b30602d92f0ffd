import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { securityHeaders } from '../../console/security-headers';
import { type Cloud, startCloud } from '../../local/cloud';

const folder = mkdtempSync(join(tmpdir(), 'cirrus-console-'));
mkdirSync(join(folder, 'page/assets'), { recursive: true });
writeFileSync(join(folder, 'page/index.html'), '<title>page</title>');
writeFileSync(join(folder, 'page/assets/a.js'), 'run()');
writeFileSync(join(folder, 'secret'), 'not served');

describe('the page of the local start', () => {
  let cloud: Cloud;
  beforeAll(async () => {
    cloud = await startCloud({ containers: 1, console: join(folder, 'page') });
  });
  afterAll(async () => {
    await cloud.stop();
    rmSync(folder, { recursive: true });
  });

  /** Sends the path as it is; `fetch` would normalize it. */
  const get = (path: string, method = 'GET') =>
    new Promise<{ status?: number; headers: Record<string, unknown>; body: string }>((resolve, reject) => {
      request({ port: cloud.port, host: '127.0.0.1', path, method }, async (response) =>
        resolve({ status: response.statusCode, headers: response.headers, body: await text(response) }),
      )
        .once('error', reject)
        .end();
    });

  it.each([
    ['/', 'text/html; charset=utf-8', '<title>page</title>'],
    ['/?from=bookmark', 'text/html; charset=utf-8', '<title>page</title>'],
    ['/assets/a.js', 'text/javascript; charset=utf-8', 'run()'],
  ])('is served at %s', async (path, type, body) => {
    const answer = await get(path);

    expect(answer).toMatchObject({ status: 200, body });
    expect(answer.headers).toMatchObject({ 'content-type': type, 'cache-control': 'no-cache', ...securityHeaders });
  });

  it('may load nothing from elsewhere, and run nothing that is not in a file of its own', async () => {
    const { headers } = await get('/');
    const policy = String(headers['content-security-policy']).split('; ');

    expect(policy).toEqual([
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self'",
      "connect-src 'self' ws://127.0.0.1:* ws://localhost:*",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ]);
  });

  it('gets the addresses of its broker and the API', async () => {
    expect(JSON.parse((await get('/config.json')).body)).toEqual({
      broker: '/mqtt',
      api: { region: 'us-east-1' },
      local: true,
    });
  });

  it.each(['/../secret', '/%2e%2e/secret', '/assets/../../secret', '/assets', '/nothing'])(
    'has nothing at %s',
    async (path) => {
      expect(await get(path)).toMatchObject({ status: 404, body: '{"message":"not found"}' });
    },
  );

  it('is described by HEAD without its body', async () => {
    expect(await get('/', 'HEAD')).toMatchObject({ status: 200, body: '' });
    expect((await get('/', 'POST')).status).toBe(404);
  });

  it('does not exist unless it was requested', async () => {
    const plain = await startCloud({ containers: 1 });

    expect((await fetch(`http://127.0.0.1:${plain.port}/`)).status).toBe(404);
    await plain.stop();
  });
});
