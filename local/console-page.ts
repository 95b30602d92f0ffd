import { readdirSync, readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import type { ConsoleConfig } from '../console/config';
import { contentSecurityPolicy, securityHeaders } from '../console/security-headers';
import { stage } from './gateway/connect-event';

interface Page {
  readonly type: string;
  readonly body: string | Buffer;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

// Browsers disagree on the meaning of 'self' for WebSockets, and the page may be opened under either name.
const policy = contentSecurityPolicy(['ws://127.0.0.1:*', 'ws://localhost:*']);

/** Configuration of the page, with the Region that signatures for the API name. */
const config: ConsoleConfig = { broker: `/${stage}`, api: { region: 'us-east-1' }, local: true };

/** The built console, as S3 and CloudFront serve it. */
export class ConsolePage {
  private readonly pages: ReadonlyMap<string, Page>;

  /** Reads the folder once: files that are added later are not served. */
  constructor(folder: string) {
    const names = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    const files = names.map((name): [string, Page] => [
      name.slice(folder.length).replaceAll('\\', '/'),
      { type: types[extname(name)] ?? 'application/octet-stream', body: readFileSync(name) },
    ]);
    this.pages = new Map([...files, ['/config.json', { type: 'application/json', body: JSON.stringify(config) }]]);
  }

  /** Serves a file of the console. False when the request is for something else. */
  handle(method: string, url: string, response: ServerResponse): boolean {
    const [path = ''] = url.split('?');
    const page = this.pages.get(path === '/' ? '/index.html' : path);
    if (!page || (method !== 'GET' && method !== 'HEAD')) return false;
    response.writeHead(200, {
      'content-type': page.type,
      'content-length': Buffer.byteLength(page.body),
      'cache-control': 'no-cache',
      'content-security-policy': policy,
      ...securityHeaders,
    });
    response.end(method === 'HEAD' ? undefined : page.body);
    return true;
  }
}
