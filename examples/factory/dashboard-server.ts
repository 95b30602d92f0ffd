import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { build } from 'esbuild';

interface DashboardOptions {
  readonly host: string;
  /** 0 selects a free port. */
  readonly port: number;
  /** URL of the gateway, to which the page connects. */
  readonly brokerUrl: string;
}

const folder = join(__dirname, 'page');

/** Serves the page; resolves with its URL. Rejects if the port is taken. */
export async function serveDashboard({ host, port, brokerUrl }: DashboardOptions): Promise<string> {
  const files = await pageFiles(brokerUrl);
  const headers = {
    'content-security-policy': policy(new URL(brokerUrl).origin),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-cache',
  };
  const server = createServer(({ url = '/', method }, response) => {
    const file = files.get(url);
    if (file === undefined || method !== 'GET') response.writeHead(404, headers).end();
    else response.writeHead(200, { ...headers, 'content-type': file.type }).end(file.content);
  });
  server.listen(port, host);
  await once(server, 'listening');
  return `http://${host}:${(server.address() as AddressInfo).port}/`;
}

/** Content-Security-Policy that allows only this server and the broker, and no inline scripts and styles. */
function policy(broker: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    `connect-src 'self' ${broker}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');
}

async function pageFiles(brokerUrl: string): Promise<Map<string, { type: string; content: string }>> {
  const read = (name: string) => readFile(join(folder, name), 'utf8');
  return new Map([
    ['/', { type: 'text/html; charset=utf-8', content: await read('index.html') }],
    ['/style.css', { type: 'text/css', content: await read('style.css') }],
    ['/icon.svg', { type: 'image/svg+xml', content: await read('icon.svg') }],
    ['/dashboard.js', { type: 'text/javascript', content: await bundle() }],
    ['/broker.json', { type: 'application/json', content: JSON.stringify({ url: brokerUrl }) }],
  ]);
}

/** The bundle of the page's code, MQTT.js and the shim. */
async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(folder, 'dashboard.ts')],
    bundle: true,
    minify: true,
    platform: 'browser',
    write: false,
  });
  return outputFiles[0]!.text;
}
