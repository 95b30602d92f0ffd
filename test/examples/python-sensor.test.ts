import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { commandsOf, complaintWithoutBroker, Stage } from './support/stage';

jest.setTimeout(60_000);

// Debian's Python has Debian's paho-mqtt, whatever else is called python3.
const hasPaho = (python: string) => spawnSync(python, ['-c', 'import paho.mqtt.client']).status === 0;
const python = ['python3', '/usr/bin/python3'].find(hasPaho);

if (!python)
  console.warn('there is no python3 with paho-mqtt (apt install python3-paho-mqtt): its sensor is NOT tested');

(python ? describe : describe.skip)('the sensor in Python', () => {
  const [typed = '', look = '', ...others] = commandsOf('python-sensor');
  const sensor = typed.replace('python3', python ?? '');
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open();
  });
  afterAll(() => stage.close());

  it('says that it is alive, measures, and is DEAD by its will after kill -9', async () => {
    expect(others).toEqual([]);
    const watcher = stage.type(look.replace('ws://127.0.0.1:8080/mqtt', stage.cloud.gatewayUrl));
    const running = stage.type(sensor, '--port', `${stage.adapter.port}`, '--every', '0.5');

    await running.says(/greenhouse is ALIVE\n/);
    await watcher.says(/sensors\/greenhouse\/state ALIVE\n/);
    await watcher.says(/sensors\/greenhouse\/temperature \d+\.\d\n/);

    running.killAll('SIGKILL');
    await watcher.says(/sensors\/greenhouse\/state DEAD\n/);
  });

  it('connects again, and sends what it has measured meanwhile', async () => {
    const watcher = stage.type(look.replace('ws://127.0.0.1:8080/mqtt', stage.cloud.gatewayUrl));
    await watcher.says(/greenhouse\/state DEAD\n/);
    const running = stage.type(sensor, '--port', `${stage.adapter.port}`, '--every', '0.1');
    await running.says(/is ALIVE\n(.*\n)*.* °C\n/);

    for (const connection of stage.cloud.connections()) stage.cloud.faults.cut(connection);
    await running.says(/connection lost, trying again; readings are kept\n/);
    const [, kept] = await running.says(/(\d+\.\d) °C\n/);
    await running.says(/is ALIVE\n/);

    await watcher.says(new RegExp(`temperature ${kept}\\n`));
  });

  it('leaves in good order on Ctrl-C', async () => {
    const running = stage.type(sensor, '--port', `${stage.adapter.port}`);
    await running.says(/is ALIVE\n/);

    running.killAll('SIGINT');

    expect(await running.status).toBe(0);
    expect(running.errors).toBe('');
  });

  it('complains in a line about a broker that is not there', async () => {
    expect(await complaintWithoutBroker(sensor, '--port', '9')).toMatch(
      /^1: no connection to 127\.0\.0\.1:9 \(.*refused\): is "npm start" running\?\n$/,
    );
  });
});
