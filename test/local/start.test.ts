import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { connectAsync } from 'mqtt';
import { fixtures } from './support';

const root = `${__dirname}/../..`;

const folder = mkdtempSync(join(tmpdir(), 'cirrus-start-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe('npm start', () => {
  let child: ChildProcess | undefined;
  afterEach(() => {
    child?.kill('SIGKILL');
  });

  const start = (...options: readonly string[]) => {
    const words = ['--import', 'tsx', 'bin/local.ts', '--port', '0', '--mqtt-port', '0', '--mqtt-ws-port', '0'];
    const started = spawn(process.execPath, [...words, ...options], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    child = started;
    const status = new Promise((resolve) => started.once('exit', resolve));
    return { started, status, errors: text(started.stderr) };
  };

  const ready = async (output: NodeJS.ReadableStream) => {
    let said = '';
    for await (const chunk of output) {
      said += chunk;
      if (/^ready .*\n/m.test(said)) return said;
    }
    throw new Error(`it was never ready, but said ${said}`);
  };

  it('prints what to try and when it is ready, and ends with 0 on Ctrl-C', async () => {
    const { started, status, errors } = start();
    const said = await ready(started.stdout);

    const ports = 'gateway=ws:\\/\\/127\\.0\\.0\\.1:(\\d+)\\/mqtt mqtt=mqtt:\\/\\/127\\.0\\.0\\.1:(\\d+)';
    const match = new RegExp(
      `\\nready ${ports} ws=ws://127.0.0.1:\\d+/mqtt bill=http://127.0.0.1:\\d+/bill console=http://127.0.0.1:\\d+/\\n$`,
    ).exec(said)!;
    expect(said).toContain(`mosquitto_sub -h 127.0.0.1 -p ${match[2]}`);
    expect(said).toContain(`mosquitto_pub -h 127.0.0.1 -p ${match[2]}`);
    expect((await fetch(`http://127.0.0.1:${match[1]}/bill`)).status).toBe(200);
    expect(said).toContain(`The console: http://127.0.0.1:${match[1]}/\n`);
    expect(await (await fetch(`http://127.0.0.1:${match[1]}/`)).text()).toContain('<title>cirrus-mqtt console</title>');
    started.kill('SIGINT');
    expect(await status).toBe(0);
    expect(await errors).toBe('');
  });

  it('names a port that is in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };

    for (const option of ['--port', '--mqtt-port', '--mqtt-ws-port']) {
      const { status, errors } = start(option, String(port));
      expect(await status).toBe(1);
      expect(await errors).toMatch(new RegExp(`^port ${port} .*\\n$`));
    }
    taken.close();
  });

  it('prints who may connect, and refuses everybody else', async () => {
    const open = start();
    expect(await ready(open.started.stdout)).toContain('\nAnybody may connect and do everything (this machine only);');
    open.started.kill('SIGKILL');

    const { started } = start('--access', file('closed.json', '{}'));
    const said = await ready(started.stdout);

    expect(said).toMatch(/\nWho may connect, by \S+closed\.json: users \(.*\)\. Rules in it: 0\.\n\nready gateway=/);
    expect(said).toMatch(/mosquitto_sub -h 127\.0\.0\.1 -p \d+ -u NAME -P PASSWORD /);
    const [, port] = /mqtt=mqtt:\/\/127\.0\.0\.1:(\d+)/.exec(said)!;
    await expect(connectAsync(`mqtt://127.0.0.1:${port}`)).rejects.toThrow('Not authorized');
  });

  it('refuses an invalid access file with one line', async () => {
    const path = file('wrong.json', '{\n  "anonymous": "off",\n}');
    const { status, errors } = start('--access', path);

    expect(await status).toBe(1);
    expect(await errors).toMatch(/^\S+wrong\.json is no JSON: .*\n$/);
  });

  it('refuses an invalid option with one line', async () => {
    const { status, errors } = start('--containers', 'many');
    expect(await status).toBe(1);
    expect(await errors).toBe('--containers is "many", but must be a whole number from 1 to 100\n');
  });
});

describe('stop', () => {
  it('leaves nothing that keeps the process alive', async () => {
    const script = `
      const { WebSocket } = require('ws');
      const { startCloud } = require('./local/cloud');
      async function main() {
        const cloud = await startCloud({ functions: ${JSON.stringify(fixtures)} });
        const socket = new WebSocket(cloud.gatewayUrl).on('error', () => {});
        await new Promise((resolve) => socket.once('open', resolve));
        socket.send('hang');
        await cloud.runSchedule();
        await cloud.stop();
        console.log(process.getActiveResourcesInfo().filter((name) => name !== 'PipeWrap').join());
      }
      main();`;
    const child = spawn(process.execPath, ['--require', 'tsx/cjs', '--eval', script], { cwd: root });
    const output = text(child.stdout);

    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0);
    expect((await output).trim()).not.toContain('Worker');
    expect((await output).trim()).not.toContain('Timeout');
  });
});
