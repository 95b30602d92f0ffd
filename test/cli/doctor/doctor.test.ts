import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { doctorCommand } from '../../../cli/commands/doctor';
import { run } from '../../clients/support/command-runs';
import { GuardedBroker } from '../../support/guarded-broker';
import { holdTimers } from '../../support/held-timers';
import { TestBroker } from '../../support/test-broker';
import { naming } from '../naming';
import { connack, type FakeOptions, frameOf, startFakeGateway } from './fake-gateway';

jest.setTimeout(180_000);

interface Report {
  readonly passed: boolean;
  readonly dollars: number;
  readonly steps: readonly { readonly step: string; readonly outcome: string; readonly detail: string }[];
}

/** Runs the doctor and returns its JSON report and exit code. */
async function runDoctor(url: string, ...args: string[]) {
  const doctor = run(doctorCommand, [url, '--json', '--idle', '0', ...args]);
  const exitCode = await doctor.exitCode;
  const report: Report = JSON.parse(doctor.stdout().toString());
  const named = (outcome: string) => report.steps.filter((step) => step.outcome === outcome).map(({ step }) => step);
  const detail = (name: string) => report.steps.find(({ step }) => step === name)?.detail;
  return { exitCode, ...report, failed: named('fail'), skipped: named('skip'), detail };
}

describe('doctor of a broker', () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await TestBroker.start();
  });
  afterEach(() => broker.cloud.faults.clear());
  afterAll(() => broker.stop());

  const url = () => broker.cloud.gatewayUrl;

  it('passes all steps, cleans up, and costs no more than estimated', async () => {
    await broker.cloud.resetBill();
    const { exitCode, passed, failed, skipped, detail, dollars } = await runDoctor(url(), '--idle', '1');

    expect(failed.map((name) => [name, detail(name)])).toEqual([]);
    expect([exitCode, passed, skipped]).toEqual([0, true, ['dns', 'tls']]);
    expect(detail('round-trip')).toMatch(/^100 at QoS 0: median [\d.]+ ms, p99 \d/);
    expect(detail('packet-over')).toMatch(/ended with 1\d\d\d and DISCONNECT 0x95/);
    expect(detail('idle')).toMatch(/^PINGRESP after 1 /);
    const bill = await broker.cloud.bill();
    // Its frames arrive faster than the estimate assumes, so they share invocations and writes.
    expect(bill.dollars - bill.lambda.dollars).toBeLessThan(dollars);
    expect(bill.dollars - bill.lambda.dollars).toBeGreaterThan(dollars / 10);
    expect((await broker.rows()).filter((row) => !row.startsWith('connections '))).toEqual([]);
    const client = await broker.connect('left-over');
    await client.subscribe(0, 'cirrus/doctor/#');
    expect(await broker.heardBy(client)).toEqual([]);
    await client.disconnect();
  });

  it('prints a line for each step', async () => {
    const doctor = run(doctorCommand, [url(), '--idle', '0', '--only', 'binary', '--only', 'idle']);

    expect(await doctor.exitCode).toBe(0);
    const lines = doctor.stdout().toString().trimEnd().split('\n');
    expect(lines[0]).toMatch(/^ws:\S+: .*less than a cent/);
    expect(lines).toContainEqual(expect.stringMatching(/^pass {2}binary .*1003/));
    expect(lines).toContainEqual(expect.stringMatching(/^skip {2}idle .*--idle 0$/));
    expect(lines.at(-1)).toMatch(/^All checks passed/);
  });

  it('passes the step order if frames are repeated and reordered', async () => {
    await broker.cloud.faults.set(
      { fault: 'frame', does: 'duplicate', probability: 0.2 },
      { fault: 'frame', does: 'reorder', probability: 0.1, milliseconds: 5 },
    );
    const { failed, detail } = await runDoctor(url(), '--only', 'order', '--only', 'packet-96k');

    expect(failed).toEqual([]);
    expect(detail('order')).toMatch(/^all in order/);
    expect(broker.cloud.faults.report().every(({ struck }) => struck > 0)).toBe(true);
  });

  it('reports a lost connection, and continues with a new one', async () => {
    await broker.cloud.faults.set({ fault: 'frame', does: 'cut', skip: 300, times: 1 });
    const { exitCode, failed, detail } = await runDoctor(url());

    expect([exitCode, failed]).toEqual([2, ['order']]);
    expect(detail('order')).toMatch(/1006.*1000 messages/);
  });

  it('reports a broker that cannot respond, and skips dependent steps', async () => {
    await broker.cloud.faults.set({
      fault: 'call',
      service: 'connections',
      operation: 'PostToConnection',
      outcome: 'throttle',
    });
    const { exitCode, failed, skipped, detail } = await runDoctor(url());

    expect([exitCode, failed]).toEqual([2, ['login']]);
    // Either the timeout of the doctor or the broker's close comes first.
    expect(detail('login')).toMatch(/^(CONNACK .*15 s|.* 1000 .*CONNACK)$/);
    expect(skipped).toEqual(expect.arrayContaining(['order', 'resume', 'clean-up']));
    expect(detail('order')).toBe('needs login');
  });

  it('reports a failed handshake', async () => {
    const fake = await startFakeGateway({ status: 502 });
    const { failed, detail } = await runDoctor(fake.url);
    await fake.close();

    expect(failed).toEqual(['subprotocol']);
    expect(detail('subprotocol')).toMatch(/502: .*\$connect/);
  });

  it('reports a wrong path', async () => {
    const { detail } = await runDoctor(url().replace('/mqtt', '/other'));

    expect(detail('subprotocol')).toMatch(/403: .*path/);
  });
});

describe('doctor of a broker with accounts', () => {
  let broker: GuardedBroker;
  beforeAll(async () => {
    broker = await GuardedBroker.start({});
    await broker.addUser('ann', 'sesame');
    await broker.addUser('bob', 'sesame', {
      rules: [{ actions: ['publish', 'subscribe', 'receive'], topics: ['bob/#'] }],
    });
  });
  afterAll(() => broker.stop());

  it('logs in with a password', async () => {
    expect((await runDoctor(broker.cloud.gatewayUrl, '-u', 'ann', '-P', 'sesame', '--only', 'login')).failed).toEqual(
      [],
    );
  });

  it('reports a refused login', async () => {
    const { failed, detail } = await runDoctor(broker.cloud.gatewayUrl, '-u', 'ann', '-P', 'open', '--only', 'ping');

    expect(failed).toEqual(['login']);
    expect(detail('login')).toMatch(/0x86 \(bad user name or password/);
  });

  it('uses allowed topics, and reports denied ones', async () => {
    const login = ['-u', 'bob', '-P', 'sesame', '--only', 'round-trip', '--only', 'retained'];
    const { failed, detail } = await runDoctor(broker.cloud.gatewayUrl, ...login);
    expect(failed).toContain('round-trip');
    expect(detail('round-trip')).toMatch(/cirrus\/doctor\/\S+ .*0x87: .*--topic/);

    expect((await runDoctor(broker.cloud.gatewayUrl, ...login, '-t', 'bob/doctor')).failed).toEqual([]);
  });
});

describe('doctor of another server', () => {
  const ofFake = async (options: FakeOptions, ...args: string[]) => {
    const fake = await startFakeGateway(options);
    try {
      return await runDoctor(fake.url, ...args);
    } finally {
      await fake.close();
    }
  };

  /** Ends the doctor's timeouts: with held timers, everything else may take any time. */
  const expireTimeouts = () => jest.advanceTimersByTime(15_000);
  afterEach(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  it('reports a closed port', async () => {
    const { exitCode, failed, detail } = await runDoctor('ws://127.0.0.1:1/mqtt');

    expect([exitCode, failed, detail('tcp')]).toEqual([2, ['tcp'], 'ECONNREFUSED']);
  });

  it('reports a host name without an address', async () => {
    const { failed, detail } = await runDoctor('ws://nowhere.invalid/mqtt');

    expect(failed).toEqual(['dns']);
    expect(detail('dns')).toMatch(/nowhere\.invalid: E/);
  });

  it('reports an untrusted certificate', async () => {
    const file = (name: string) => readFileSync(join(__dirname, '../../../node_modules/dynalite/ssl', name));
    const tls = { key: file('server-key.pem'), cert: file('server-crt.pem') };
    const { failed, detail } = await ofFake({ tls });

    expect(failed).toEqual(['tls']);
    expect(detail('tls')).toMatch(/CERT|SIGN|ISSUER/);
  });

  it('reports a wrong clock', async () => {
    const noon = Date.UTC(2026, 0, 1, 12);
    jest.spyOn(Date, 'now').mockReturnValue(noon);
    const date = new Date(noon - 600_000).toUTCString();
    const { failed, detail } = await ofFake({ date }, '--only', 'clock');

    expect(failed).toContain('clock');
    expect(detail('clock')).toMatch(/ 600 s /);
  });

  it('reports a missing or wrong subprotocol', async () => {
    expect((await ofFake({ subprotocol: false })).detail('subprotocol')).toMatch(
      /^the handshake failed: .*subprotocol/,
    );
    expect((await ofFake({ subprotocol: 'mqtt' })).detail('subprotocol')).toBe(
      'the handshake failed: Server sent an invalid subprotocol',
    );
  });

  it('reports that the server accepts binary frames and long frames', async () => {
    holdTimers();
    const isConnect = (frame: Buffer) => frame.toString('latin1').startsWith('1.') && frame.length < 1_000;
    const { failed, detail } = await ofFake(
      { heard: (frame) => isConnect(frame) || expireTimeouts() },
      ...['binary', 'frame-over', 'packet-over'].flatMap((step) => ['--only', step]),
    );

    expect(failed).toEqual(expect.arrayContaining(['binary', 'frame-over', 'packet-over']));
    expect(detail('binary')).toContain('binary frame');
    expect(detail('frame-over')).toContain('32770 characters');
  });

  it.each<[string, (send: (data: string | Buffer) => void) => void, string]>([
    ['a binary frame', (send) => send(Buffer.from('x')), 'a binary frame'],
    ['text that is not base64', (send) => send('hello'), 'frame is not base64: 5 characters'],
    ['a number before a frame', (send) => send('1.wAA='), 'frame is not base64: 6 characters'],
    ['an empty frame', (send) => send(''), 'frame is not base64: 0 characters'],
    ['an error of the gateway', (send) => send('{"message": "Forbidden"}'), 'gateway: Forbidden'],
    ['half a packet', (send) => send(Buffer.from([0x30, 9, 0]).toString('base64')), 'a packet that spans two frames'],
  ])('reports %s', async (_name, violate, words) => {
    holdTimers();
    const answer: FakeOptions['answer'] = (packet, send) => {
      if (packet.cmd === 'pingreq') expireTimeouts();
      if (packet.cmd !== 'connect') return;
      send(frameOf(connack));
      violate(send);
    };
    const { failed, detail } = await ofFake({ answer }, '--only', 'ping');

    expect(failed).toContain('wire-format');
    expect(detail('wire-format')).toMatch(naming(words));
  });

  it('reports a session that does not outlive its connection', async () => {
    holdTimers();
    const answer: FakeOptions['answer'] = (packet, send, peer) => {
      const { cmd, messageId } = packet;
      if (cmd === 'connect') send(frameOf(connack));
      if (cmd === 'subscribe') send(frameOf({ cmd: 'suback', messageId, granted: [1] }));
      if (cmd === 'publish') send(frameOf({ cmd: 'puback', messageId, reasonCode: 0 }));
      if (cmd === 'subscribe' && packet.subscriptions[0]!.topic.endsWith('/retained')) peer.hasRead(expireTimeouts);
    };
    const { failed, detail } = await ofFake({ answer }, '--only', 'resume', '--only', 'retained');

    expect(failed).toEqual(['resume', 'retained']);
    expect(detail('resume')).toContain('Session Present');
    expect(detail('retained')).toMatch(/^a message .*15 s$/);
  });

  it('reports reordered and missing messages', async () => {
    holdTimers();
    const held: string[] = [];
    const publishes = (number: string) =>
      frameOf({ cmd: 'publish', topic, payload: number, qos: 0, dup: false, retain: false });
    let topic = '';
    const { failed, detail } = await ofFake(
      {
        answer: (packet, send) => {
          if (packet.cmd === 'connect') send(frameOf(connack));
          if (packet.cmd === 'subscribe') {
            topic = packet.subscriptions[0]!.topic;
            send(frameOf({ cmd: 'suback', messageId: packet.messageId, granted: [1] }));
          }
          if (packet.cmd === 'publish' && packet.qos === 0) expireTimeouts();
          if (packet.cmd !== 'publish' || packet.qos !== 1) return;
          send(frameOf({ cmd: 'puback', messageId: packet.messageId, reasonCode: 0 }));
          held.push(publishes(String(packet.payload)));
          if (held.length === 2) for (const frame of held.splice(0).reverse()) send(frame);
        },
      },
      '--only',
      'order',
      '--only',
      'round-trip',
    );

    expect(failed).toEqual(expect.arrayContaining(['order', 'round-trip']));
    expect(detail('order')).toMatch(/message 0 .*message 1/);
    expect(detail('round-trip')).toMatch(/^a message .*15 s$/);
  });
});

describe('doctor', () => {
  it.each([
    ['', 'doctor wss://'],
    ['mqtt://x', 'wss:// "mqtt://x"'],
    ['wss://x wss://y', '"wss://y"'],
    ['wss://x --idle 901', '--idle 0 900 "901"'],
    ['wss://x --only sleep', '--only dns tcp tls'],
    ['wss://x -W 0', '-W 0'],
    ['wss://x -t a/#', '-t "a/#"'],
    ['wss://x --token-file /nowhere', 'ENOENT'],
  ])('refuses "%s"', async (line, message) => {
    await expect(run(doctorCommand, line.split(' ').filter(Boolean)).exitCode).rejects.toThrow(naming(message));
  });

  it('does not print a token in the address', async () => {
    const doctor = run(doctorCommand, ['ws://127.0.0.1:1/mqtt?access_token=secret']);
    await doctor.exitCode;

    expect(doctor.stdout().toString()).not.toContain('secret');
  });

  it('stops with exit code 1 when interrupted', async () => {
    const doctor = run(doctorCommand, ['ws://127.0.0.1:1/mqtt']);
    doctor.interrupt();

    expect(await doctor.exitCode).toBe(1);
  });
});
