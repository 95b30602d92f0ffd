import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** True if Chromium is installed. */
export const hasChromium = !spawnSync('chromium', ['--version']).error;

/** The first line that a page logs to its console, with its position. The page may fetch the files of `file`. */
export async function firstLogOf(page: string, file: (path: string) => Buffer | undefined = () => undefined) {
  const server = createServer(({ url = '/' }, response) => {
    const body = url === '/' ? page : file(url);
    if (body === undefined) response.writeHead(url === '/favicon.ico' ? 204 : 404).end();
    else response.setHeader('content-type', url.endsWith('.js') ? 'text/javascript' : 'text/html').end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await consoleAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function consoleAt(page: string): Promise<string> {
  const profile = mkdtempSync(join(tmpdir(), 'cirrus-profile-'));
  const words = ['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run', '--enable-logging=stderr'];
  const browser = spawn('chromium', [...words, `--user-data-dir=${profile}`, page], { detached: true });
  const gone = new Promise<void>((resolve) => browser.once('exit', () => resolve()));
  let heard = '';
  const said = new Promise<string>((resolve, reject) => {
    browser.stderr.on('data', (chunk) => {
      heard += chunk;
      const [, line] = /:CONSOLE.*?\] (.*)\n/.exec(heard) ?? [];
      if (line !== undefined) resolve(line);
    });
    gone.then(() => reject(new Error(`the browser has ended: ${heard}`)));
  });
  try {
    return await said;
  } finally {
    process.kill(-(browser.pid ?? 0), 'SIGKILL'); // All processes of the browser; others would still write to the profile.
    await gone;
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}
