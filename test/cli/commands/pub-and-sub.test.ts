import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Command } from '../../../cli/command';
import { adapterCommand } from '../../../cli/commands/adapter';
import { pubCommand } from '../../../cli/commands/pub';
import { subCommand } from '../../../cli/commands/sub';
import { type Adapter, startAdapter } from '../../../clients/adapter';
import { type CommandRun, run } from '../../clients/support/command-runs';
import { startTextGateway, type TextGateway } from '../../clients/support/text-gateway';
import { giveNamesTwoAddresses } from '../../clients/support/two-addresses';
import { naming } from '../naming';

let gateway: TextGateway;
let adapter: Adapter;
const folder = mkdtempSync(join(tmpdir(), 'cirrus-mqtt-'));

beforeAll(async () => {
  gateway = await startTextGateway();
  adapter = await startAdapter({
    url: gateway.url,
    listen: { host: '127.0.0.1', port: 0 },
    listenWebSocket: { host: '127.0.0.1', port: 0 },
  });
});

afterEach(() => expect(gateway.breaches.splice(0)).toEqual([]));

afterAll(async () => {
  await adapter.close();
  await gateway.close();
  rmSync(folder, { recursive: true });
});

const plain = () => ['-h', '127.0.0.1', '-p', String(adapter.port)];

async function subscriber(...args: string[]): Promise<CommandRun> {
  const command = run(subCommand, [...args, '-d', ...(args.includes('-h') ? [] : ['-L', gateway.url])]);
  await printed(command, /received SUBACK/);
  return command;
}

async function publish(...args: string[]): Promise<void> {
  expect(await run(pubCommand, ['-L', gateway.url, ...args]).exitCode).toBe(0);
}

async function printed(command: CommandRun, text: RegExp): Promise<void> {
  while (!text.test(command.stderr())) {
    if (command.isOver()) throw new Error(`ended with ${await command.exitCode}: ${command.stderr()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('pub and sub', () => {
  it.each(['0', '1', '2'])('carry a message at QoS %s through the gateway', async (qos) => {
    const sub = await subscriber('-t', 'a/+', '-v', '-C', '1', '-q', qos);

    await publish('-t', 'a/b', '-m', '21.5', '-q', qos);

    expect(await sub.exitCode).toBe(0);
    expect(sub.stdout().toString()).toBe('a/b 21.5\n');
  });

  it('talk plain MQTT to the adapter, over TCP and over WebSocket', async () => {
    const sub = await subscriber('-t', 'a', '-C', '2', ...plain());

    await run(pubCommand, ['-t', 'a', '-m', 'tcp', ...plain()]).exitCode;
    await run(pubCommand, ['-t', 'a', '-m', 'ws', '-h', '127.0.0.1', '-p', String(adapter.webSocketPort), '--ws'])
      .exitCode;

    expect(await sub.exitCode).toBe(0);
    expect(sub.stdout().toString()).toBe('tcp\nws\n');
  });

  it('take the topic from an address as mosquitto does', async () => {
    const address = `mqtt://127.0.0.1:${adapter.port}/from/`;
    const sub = run(subCommand, ['-L', `${address}#`, '-C', '1', '-v', '-d']);
    await printed(sub, /received SUBACK/);

    await run(pubCommand, ['-L', `${address}address`, '-m', 'x']).exitCode;

    await sub.exitCode;
    expect(sub.stdout().toString()).toBe('from/address x\n');
  });

  it('publish 5,000 lines of stdin in few frames and lose none', async () => {
    const lines = Array.from({ length: 5_000 }, (_, n) => `line ${n}`);
    const sub = await subscriber('-t', 'lines', '-C', '5000', '-q', '1');
    const framesBefore = gateway.frameSizes.length;

    const pub = run(pubCommand, ['-L', gateway.url, '-t', 'lines', '-l', '-q', '1'], lines.join('\n'));

    expect(await pub.exitCode).toBe(0);
    expect(await sub.exitCode).toBe(0);
    expect(sub.stdout().toString()).toBe(`${lines.join('\n')}\n`);
    expect(gateway.frameSizes.length - framesBefore).toBeLessThan(1_000);
  });

  it('keep every byte of a file, of stdin and of no payload at all', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
    writeFileSync(join(folder, 'bytes'), bytes);
    const sub = await subscriber('-t', 'bytes', '-N', '-C', '3');

    await publish('-t', 'bytes', '-f', join(folder, 'bytes'));
    await run(pubCommand, ['-L', gateway.url, '-t', 'bytes', '-s'], bytes).exitCode;
    await publish('-t', 'bytes', '-n');

    await sub.exitCode;
    expect(sub.stdout()).toEqual(Buffer.concat([bytes, bytes]));
  });

  it('print messages as lines of JSON, with binary payloads in base64', async () => {
    const sub = await subscriber('-t', 'json/#', '-C', '2', '-q', '1', '--json');

    await publish('-t', 'json/text', '-m', 'ünï', '-q', '1');
    await run(pubCommand, ['-L', gateway.url, '-t', 'json/bytes', '-s'], Buffer.from([0xff, 0])).exitCode;

    await sub.exitCode;
    const lines = sub.stdout().toString().trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { topic: 'json/text', qos: 1, retain: false, dup: false, payload: 'ünï' },
      { topic: 'json/bytes', qos: 0, retain: false, dup: false, payloadBase64: '/wA=' },
    ]);
  });

  it('take a payload that begins with a dash, and repeat it', async () => {
    const sub = await subscriber('-t', 'a', '-C', '3');

    await publish('-t', 'a', '-m', '-5', '--repeat', '3', '--repeat-delay', '0.01');

    await sub.exitCode;
    expect(sub.stdout().toString()).toBe('-5\n-5\n-5\n');
  });

  it('keep and skip retained messages', async () => {
    await publish('-t', 'kept', '-m', 'old', '-r');
    const skipping = await subscriber('-t', 'kept', '-R', '-C', '1');
    const taking = await subscriber('-t', 'kept', '-C', '1');

    await publish('-t', 'kept', '-m', 'new');

    await Promise.all([skipping.exitCode, taking.exitCode]);
    expect(skipping.stdout().toString()).toBe('new\n');
    expect(taking.stdout().toString()).toBe('old\n');
  });

  it('filter topics out', async () => {
    const sub = await subscriber('-t', 'f/#', '-T', 'f/loud/+', '-C', '1');

    await publish('-t', 'f/loud/a', '-m', 'no');
    await publish('-t', 'f/b', '-m', 'yes');

    await sub.exitCode;
    expect(sub.stdout().toString()).toBe('yes\n');
  });

  it('keep a session with -c, and unsubscribe with -U', async () => {
    const session = ['-L', gateway.url, '-i', 'keeper', '-c', '-q', '1'];
    expect(await run(subCommand, [...session, '-t', 'kept/session', '-E']).exitCode).toBe(0);
    await publish('-t', 'kept/session', '-m', 'meanwhile', '-q', '1');

    const back = run(subCommand, [...session, '-t', 'kept/session', '-C', '1']);
    expect(await back.exitCode).toBe(0);
    expect(back.stdout().toString()).toBe('meanwhile\n');

    expect(await run(subCommand, [...session, '-U', 'kept/session', '-E']).exitCode).toBe(0);
    await publish('-t', 'kept/session', '-m', 'unheard', '-q', '1');
    expect(await run(subCommand, [...session, '-t', 'other', '-W', '0.2']).exitCode).toBe(27);
  });

  it('announce a will', async () => {
    const sub = await subscriber('-t', 'will', '-C', '1');
    const dying = run(subCommand, [
      ...['-L', gateway.url, '-t', 'x', '-d'],
      ...['--will-topic', 'will', '--will-payload', 'gone'],
    ]);
    await printed(dying, /received SUBACK/);

    [...gateway.sockets].at(-1)!.terminate();

    expect(await sub.exitCode).toBe(0);
    expect(sub.stdout().toString()).toBe('gone\n');
    dying.interrupt();
    expect(await dying.exitCode).toBe(0);
  });

  it('reconnect after a lost connection', async () => {
    const sub = await subscriber('-t', 'back', '-C', '1');

    for (const socket of gateway.sockets) socket.terminate();
    await printed(sub, /received SUBACK.*received SUBACK/s);
    await publish('-t', 'back', '-m', 'again');

    expect(await sub.exitCode).toBe(0);
    expect(sub.stdout().toString()).toBe('again\n');
  });

  it('exit after the time limit with the exit code of mosquitto', async () => {
    expect(await run(subCommand, ['-L', gateway.url, '-t', 'silence', '-W', '0.1']).exitCode).toBe(27);
  });

  it('stop when interrupted', async () => {
    const sub = await subscriber('-t', 'a');

    sub.interrupt();

    expect(await sub.exitCode).toBe(0);
  });

  it('name the size of a packet that is too large', async () => {
    const pub = run(pubCommand, ['-L', gateway.url, '-t', 'a', '-s'], Buffer.alloc(98_304));

    await expect(pub.exitCode).rejects.toThrow('a packet of 98311 bytes is over the limit of 97280');
  });

  it('fail if the port is closed', async () => {
    await expect(run(pubCommand, ['-L', 'ws://127.0.0.1:1', '-t', 'a', '-m', 'b']).exitCode).rejects.toThrow(
      'ECONNREFUSED',
    );
    await expect(run(subCommand, ['-p', '1', '-t', 'a']).exitCode).rejects.toThrow('ECONNREFUSED');
  });

  it.each([
    ['-L', 'ws://gateway.example:1'],
    ['-h', 'broker.example', '-p', '1'],
  ])('name each address of a host with several addresses, with %s', async (...address) => {
    const undo = giveNamesTwoAddresses();

    const { exitCode } = run(pubCommand, [...address, '-t', 'a', '-m', 'b']);

    await expect(exitCode).rejects.toThrow('connect ECONNREFUSED 127.0.0.1:1, connect ECONNREFUSED 127.0.0.2:1');
    undo();
  });
});

describe('the command line', () => {
  const mistakes: [Command, string, string][] = [
    [pubCommand, '-t a -m b --nonsense 1', '--nonsense'],
    [pubCommand, '-t a -m b -q 3', '-q 0 2 "3"'],
    [pubCommand, '-t a', '-m -f -l -s -n 0'],
    [pubCommand, '-t a -m b -n', '-m -f -l -s -n 2'],
    [pubCommand, '-m b', 'pub -t'],
    [pubCommand, '-t a/# -m b', '-t "a/#"'],
    [pubCommand, '-t a\uffff -m b', '-t U+FFFF'],
    [pubCommand, '-t a -m b -i a\u0001', '-i U+0001'],
    [pubCommand, '-t a -m b -u a\u0085', '-u U+0085'],
    [pubCommand, '-t a -m b --will-topic a\ufdd0', '--will-topic U+FDD0'],
    [subCommand, '-t a/\u{1fffe}/#', '-t U+1FFFE'],
    [subCommand, '-U a\u007f', '-U U+007F'],
    [pubCommand, '-t a -m b -p 99999', '-p 1 65535 "99999"'],
    [pubCommand, '-t a -m b -L http://x', '-L wss:// mqtt:// "http://x"'],
    [pubCommand, '-t a -m b -V 4', '-V 31 311 5 "4"'],
    [pubCommand, '-t a -m b -c', '-c -i'],
    [pubCommand, '-t a -m b --will-qos 1', '--will-qos --will-topic'],
    [pubCommand, '-t a -m b --will-topic a/+', '--will-topic "a/+"'],
    [subCommand, '-t a --will-topic #', '--will-topic "#"'],
    [subCommand, '-t a/b#', '-t "a/b#"'],
    [subCommand, '-t a -T #/b', '-T "#/b"'],
    [subCommand, '-U a+', '-U "a+"'],
    [subCommand, '-C 1', 'sub -t'],
    [subCommand, '-t a -C none', '-C 1 9007199254740991 "none"'],
    [subCommand, '-t a -W soon', '-W "soon"'],
    [subCommand, '-t a stray', "unexpected argument 'stray'"],
    [adapterCommand, '', 'adapter wss://'],
    [adapterCommand, 'http://x', 'wss:// "http://x"'],
    [adapterCommand, 'wss://x --listen 70000', '--listen 0 65535 "70000"'],
    [adapterCommand, 'wss://x wss://y', '"wss://y"'],
    [adapterCommand, 'wss://x --listen-tls 0', '--listen-tls --listen-wss --cert --key'],
    [adapterCommand, 'wss://x --listen 0 --key k', '--key --listen-tls --listen-wss'],
    [adapterCommand, 'wss://x --path /x', '--path --listen-ws --listen-wss'],
    [adapterCommand, 'wss://x --listen-ws 0 --path x', '--path "x"'],
    [adapterCommand, 'wss://x --max-clients 0', '--max-clients 1 100000 "0"'],
    [adapterCommand, 'wss://x --max-packet 1e6', '--max-packet 128 97280 "1e6"'],
    [adapterCommand, 'wss://x --connect-rate 0', '--connect-rate 1 10000 "0"'],
    [adapterCommand, 'wss://x --connect-timeout 1h', '--connect-timeout 1 600 "1h"'],
    [adapterCommand, 'wss://x --max-age 7200', '--max-age 0 60 7080 "7200"'],
    [adapterCommand, 'wss://x --batch-ms 2000', '--batch-ms 0 1000 "2000"'],
    [adapterCommand, 'wss://x --metrics here', '--metrics 0 65535 "here"'],
    [adapterCommand, 'wss://x --log xml', '--log text json none "xml"'],
    [adapterCommand, 'wss://x --listen 203.0.113.9:0', '"203.0.113.9"'],
  ];

  it.each(mistakes)('rejects a mistake with one line, %#', async (command, args, message) => {
    await expect(run(command, args.split(' ').filter(Boolean)).exitCode).rejects.toThrow(naming(message));
  });

  it('runs an adapter until interrupted', async () => {
    const running = run(adapterCommand, [gateway.url, '--listen', '0', '--listen-ws', '127.0.0.1:0']);
    while (!running.stdout().includes('WebSocket')) await new Promise((resolve) => setTimeout(resolve, 5));
    const port = /on port (\d+)/.exec(running.stdout().toString())![1]!;

    expect(await run(pubCommand, ['-h', '127.0.0.1', '-p', port, '-t', 'a', '-m', 'b']).exitCode).toBe(0);
    running.interrupt();

    expect(await running.exitCode).toBe(0);
    expect(running.stderr()).toMatch(
      /^#1 opened by 127\.0\.0\.1:\d+\n#1 connects as "[^"]+"\n#1 closed: client left\n/,
    );
  });

  it('names a port that is in use', async () => {
    const taken = run(adapterCommand, [gateway.url, '--listen', String(adapter.port)]);

    await expect(taken.exitCode).rejects.toThrow(String(adapter.port));
  });
});
