import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Adapter, startAdapter } from '../../clients/adapter';
import { startTextGateway, type TextGateway } from './support/text-gateway';

const isInstalled = ['mosquitto_pub', 'mosquitto_sub'].every((name) => !spawnSync(name, ['--help']).error);
if (!isInstalled) console.warn('mosquitto_pub and mosquitto_sub are not installed: NOT tested against the adapter');

let gateway: TextGateway;
let adapter: Adapter;

beforeAll(async () => {
  gateway = await startTextGateway();
  adapter = await startAdapter({ url: gateway.url, listen: { host: '127.0.0.1', port: 0 } });
});

afterAll(async () => {
  await adapter.close();
  await gateway.close();
});

/** Runs until it has received the number of messages of `-C`; `ready` resolves after SUBACK. */
function mosquittoSub(...args: string[]) {
  const sub = spawn('stdbuf', ['-oL', 'mosquitto_sub', '-p', String(adapter.port), '-d', ...args]);
  const output = text(sub.stdout);
  const ready = new Promise<void>((resolve) =>
    sub.stdout.on('data', (chunk) => {
      if (String(chunk).includes('Subscribed')) resolve();
    }),
  );
  return { ready, output, closed: once(sub, 'close') };
}

async function mosquittoPub(args: string[], stdin = ''): Promise<void> {
  const pub = promisify(execFile)('mosquitto_pub', ['-p', String(adapter.port), ...args]);
  pub.child.stdin!.end(stdin);
  await pub;
}

(isInstalled ? describe : describe.skip)('mosquitto_pub and mosquitto_sub through the adapter', () => {
  it.each(['0', '1', '2'])('carry 90 KB at QoS %s', async (qos) => {
    const payload = 'x'.repeat(92_160);
    const sub = mosquittoSub('-t', 'big', '-q', qos, '-C', '1');
    await sub.ready;

    await mosquittoPub(['-t', 'big', '-q', qos, '-s'], payload);

    await sub.closed;
    expect((await sub.output).split('\n').includes(payload)).toBe(true);
    expect(gateway.breaches).toEqual([]);
  });

  it('carry 1,000 lines in order', async () => {
    const lines = Array.from({ length: 1_000 }, (_, n) => `line ${n}`);
    const sub = mosquittoSub('-t', 'lines', '-q', '1', '-C', '1000');
    await sub.ready;

    await mosquittoPub(['-t', 'lines', '-q', '1', '-l'], `${lines.join('\n')}\n`);

    await sub.closed;
    expect((await sub.output).split('\n').filter((line) => line.startsWith('line'))).toEqual(lines);
    expect(gateway.breaches).toEqual([]);
  });
});
