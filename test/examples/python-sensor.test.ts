import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { commandsOf, complaintWithoutBroker, Stage } from './support/stage';

jest.setTimeout(180_000);

// Debian's paho-mqtt belongs to Debian's Python; python3 may be another one.
const hasPaho = (python: string) => spawnSync(python, ['-c', 'import paho.mqtt.client']).status === 0;
const python = ['python3', '/usr/bin/python3'].find(hasPaho);

if (!python)
  console.warn('there is no python3 with paho-mqtt (apt install python3-paho-mqtt): its sensor is NOT tested');

const readings = (text: string, line: RegExp) => [...text.matchAll(line)].map(([, reading = '']) => reading);

/** Readings that have not arrived. Some may arrive twice, and paho sends new readings before stored ones. */
function missing(measured: readonly string[], arrived: readonly string[]): string[] {
  const rest = [...arrived];
  return measured.filter((each) => {
    const found = rest.indexOf(each);
    if (found >= 0) rest.splice(found, 1);
    return found < 0;
  });
}

(python ? describe : describe.skip)('the sensor in Python', () => {
  const [typed = '', look = '', ...others] = commandsOf('python-sensor');
  const sensor = typed.replace('python3', python ?? '');
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open();
  });
  afterAll(() => stage.close());

  it('publishes ALIVE and readings, and its will DEAD after kill -9', async () => {
    expect(others).toEqual([]);
    const watcher = stage.type(look.replace('ws://127.0.0.1:8080/mqtt', stage.cloud.gatewayUrl));
    const running = stage.type(sensor, '--port', `${stage.adapter.port}`, '--every', '0.5');

    await running.says(/greenhouse is ALIVE\n/);
    await watcher.says(/sensors\/greenhouse\/state ALIVE\n/);
    await watcher.says(/sensors\/greenhouse\/temperature \d+\.\d\n/);

    running.killAll('SIGKILL');
    await watcher.says(/sensors\/greenhouse\/state DEAD\n/);
  });

  it('reconnects, and sends the readings of the time between', async () => {
    const watcher = stage.type(look.replace('ws://127.0.0.1:8080/mqtt', stage.cloud.gatewayUrl));
    await watcher.says(/greenhouse\/state DEAD\n/);
    const running = stage.type(sensor, '--port', `${stage.adapter.port}`, '--every', '0.1');
    await running.says(/is ALIVE\n(.*\n)*.* °C\n/);

    stage.cloud.faults.cut(stage.cloud.connections().at(-1)!); // The newest connection is the sensor's.
    await running.says(/connection lost, trying again; readings are kept\n/);
    await running.says(/ °C\n(.*\n)*.*is ALIVE\n/);
    running.killAll('SIGINT');
    await watcher.says(/state ALIVE\n[\s\S]*state DEAD\n[\s\S]*state ALIVE\n[\s\S]*state DEAD\n/);

    const measured = readings(running.output, /^(.*) °C$/gm);
    const arrived = readings(watcher.output, /greenhouse\/temperature (.*)$/gm);
    expect(missing(measured, arrived)).toEqual([]);
  });

  it('disconnects on Ctrl-C', async () => {
    const running = stage.type(sensor, '--port', `${stage.adapter.port}`);
    await running.says(/is ALIVE\n/);

    running.killAll('SIGINT');

    expect(await running.status).toBe(0);
    expect(running.errors).toBe('');
  });

  it('prints one line if the broker is unreachable', async () => {
    expect(await complaintWithoutBroker(sensor, '--port', '9')).toMatch(
      /^1: no connection to 127\.0\.0\.1:9 \(.*refused\): is "npm start" running\?\n$/,
    );
  });
});
