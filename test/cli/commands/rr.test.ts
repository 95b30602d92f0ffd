import { spawn, spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectAsync, type IPublishPacket, type MqttClient } from 'mqtt';
import { rrCommand } from '../../../cli/commands/rr';
import { type Adapter, startAdapter } from '../../../clients/adapter';
import { run } from '../../clients/support/command-runs';
import { TestBroker } from '../../support/test-broker';
import { naming } from '../naming';

const hasMosquitto = !spawnSync('mosquitto_rr', ['--help']).error;
if (!hasMosquitto) console.warn('mosquitto_rr is not installed: it is NOT compared with rr');

type Request = IPublishPacket & { properties: NonNullable<IPublishPacket['properties']> };

describe('rr', () => {
  let broker: TestBroker;
  let adapter: Adapter;
  let responder: MqttClient;
  /** Action of the responder for each request. */
  let respond: (request: Request) => void;

  beforeAll(async () => {
    broker = await TestBroker.start();
    adapter = await startAdapter({ url: broker.cloud.gatewayUrl, listen: { host: '127.0.0.1', port: 0 } });
    responder = await connectAsync(`mqtt://127.0.0.1:${adapter.port}`, { protocolVersion: 5 });
    await responder.subscribeAsync('ask', { qos: 1 });
    responder.on('message', (_topic, _payload, packet) => respond(packet as Request));
  });

  afterAll(async () => {
    responder.end(true);
    await adapter.close();
    await broker.stop();
  });

  const answer = ({ properties: { responseTopic, correlationData } }: Request, payload: string) =>
    responder.publish(responseTopic!, payload, { qos: 1, properties: { correlationData } });

  const ask = (...args: string[]) =>
    run(rrCommand, ['-L', broker.cloud.gatewayUrl, '-t', 'ask', '-e', 'answers', '-m', 'how warm?', ...args]);

  it('prints the response to its request', async () => {
    respond = (request) => answer(request, `21.5 to ${request.payload}`);
    const rr = ask('-v', '-q', '1');

    expect(await rr.exitCode).toBe(0);
    expect(rr.stdout().toString()).toBe('answers 21.5 to how warm?\n');
  });

  it('prints it as JSON', async () => {
    respond = (request) => answer(request, '21.5');
    const rr = ask('--json', '-q', '1');
    await rr.exitCode;

    const { properties, ...message } = JSON.parse(rr.stdout().toString());
    expect(message).toEqual({ topic: 'answers', qos: 1, retain: false, dup: false, payload: '21.5' });
    expect(Buffer.from(properties.correlationDataBase64, 'base64')).toHaveLength(16);
  });

  it('ignores responses to other requests', async () => {
    respond = (request) => {
      responder.publish('answers', 'of nobody');
      responder.publish('answers', 'of another', { properties: { correlationData: Buffer.from('other') } });
      answer(request, 'mine');
    };
    const rr = ask();

    expect(await rr.exitCode).toBe(0);
    expect(rr.stdout().toString()).toBe('mine\n');
  });

  it('ignores retained messages on the response topic', async () => {
    await responder.publishAsync('kept', 'old', { retain: true, qos: 1 });
    respond = () => responder.publish('kept', 'new');
    const rr = run(rrCommand, [...['-L', broker.cloud.gatewayUrl, '-V', '311'], ...['-t', 'ask', '-e', 'kept', '-n']]);

    expect(await rr.exitCode).toBe(0);
    expect(rr.stdout().toString()).toBe('new\n');
  });

  (hasMosquitto ? it : it.skip)('exits after the time limit with the exit code of mosquitto_rr', async () => {
    respond = () => {};
    const words = ['-p', String(adapter.port), '-V', '5', '-t', 'ask', '-e', 'answers', '-m', 'x', '-W', '1'];
    const mosquitto = spawn('mosquitto_rr', words);
    const theirs = new Promise((resolve) => mosquitto.once('exit', resolve));

    expect(await ask('-W', '0.2').exitCode).toBe(27);
    expect(await theirs).toBe(27);
  });

  it('ends with 1 when interrupted', async () => {
    const asked = new Promise<void>((resolve) => {
      respond = () => resolve();
    });
    const rr = ask();
    await asked;
    rr.interrupt();

    expect(await rr.exitCode).toBe(1);
  });

  it.each([
    ['-t a -m x', 'rr -e'],
    ['-e a -m x', 'rr -t'],
    ['-t a -e b', '-m -f -s -n 0'],
    ['-t a -e b/# -m x', '-e "b/#"'],
    ['-t a -e b\uffff -m x', '-e U+FFFF'],
    ['-t a -e b -m x -W soon', '-W "soon"'],
  ])('refuses %s', async (line, message) => {
    await expect(run(rrCommand, line.split(' ')).exitCode).rejects.toThrow(naming(message));
  });
});
