import { once } from 'node:events';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { jsonLine } from '../../../clients/adapter/log';
import { LocalClock } from '../../../local/clock';
import { holdTimers } from '../../support/held-timers';
import {
  adapterFor,
  bytesOf,
  defaultConnect,
  endAll,
  pingreq,
  silentGateway,
  tcpClient,
  until,
} from '../support/adapter-rig';

afterEach(endAll);

const monitor = { host: '127.0.0.1', port: 0 };

async function samples(port: number): Promise<Record<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => [line.split(' ')[0]!.replace('cirrus_adapter_', ''), Number(line.split(' ')[1])]),
  );
}

describe('the metrics of an adapter', () => {
  it('count clients, dials, bytes, packets and frames each way', async () => {
    const gateway = await silentGateway();
    const adapter = await adapterFor(gateway.url, { monitor });
    const client = await tcpClient(adapter);
    await until(() => gateway.frames.length === 1);
    client.write(pingreq);
    await until(() => gateway.frames.length === 2);
    gateway.sockets[0]!.send(Buffer.from('d000d000', 'hex').toString('base64'));
    await once(client, 'data');

    expect(await samples(adapter.monitorPort!)).toMatchObject({
      clients: 1,
      'clients_total{outcome="accepted"}': 1,
      'clients_total{outcome="refused"}': 0,
      dials_total: 1,
      'bytes_total{direction="up"}': defaultConnect.length + pingreq.length,
      'bytes_total{direction="down"}': 4,
      'packets_total{direction="up"}': 2,
      'packets_total{direction="down"}': 2,
      'frames_total{direction="up"}': 2,
      'frames_total{direction="down"}': 1,
      'pings_total{answered_by="broker"}': 1,
      resident_memory_bytes: expect.any(Number),
    });
    client.destroy();
    await until(() => adapter.lines.includes('#1 closed: client left'));
    expect(await samples(adapter.monitorPort!)).toMatchObject({ clients: 0, 'ends_total{reason="client_left"}': 1 });
  });

  it('count failed dials by their reason', async () => {
    const clock = new LocalClock();
    clock.hold();
    const adapter = await adapterFor('ws://127.0.0.1:1', { monitor, clock, connectWithinMs: 1 });
    const client = await tcpClient(adapter);
    await until(() => adapter.lines.some((line) => line.startsWith('#1 waits for the gateway')));
    clock.jump(1);
    await once(client, 'close');

    expect(await samples(adapter.monitorPort!)).toMatchObject({
      'dial_failures_total{reason="unreachable"}': 1,
      'dial_failures_total{reason="throttled"}': 0,
      'ends_total{reason="not_connected"}': 1,
    });
  });

  it.each([
    ['GET', '/healthz', 200],
    ['GET', '/other', 404],
    ['POST', '/metrics', 405],
  ])('answer %s %s with %i', async (method, path, status) => {
    const adapter = await adapterFor('ws://127.0.0.1:1', { monitor });

    expect((await fetch(`http://127.0.0.1:${adapter.monitorPort}${path}`, { method })).status).toBe(status);
  });
});

describe('packets that wait to share a frame', () => {
  it('leave together when their time is over', async () => {
    const gateway = await silentGateway();
    const adapter = await adapterFor(gateway.url, { batchMs: 100, monitor });
    const client = await tcpClient(adapter);
    await until(() => gateway.frames.length === 1);

    holdTimers();
    for (let packets = 1; packets <= 3; packets++) {
      client.write(pingreq);
      while ((await samples(adapter.monitorPort!))['packets_total{direction="up"}'] !== packets + 1);
    }
    expect(gateway.frames.length).toBe(1);
    jest.advanceTimersByTime(100);
    jest.useRealTimers();

    await until(() => gateway.frames.length === 2);
    expect(bytesOf(gateway)).toEqual(Buffer.concat([defaultConnect, pingreq, pingreq, pingreq]));
  });

  it('leave when their client does', async () => {
    const gateway = await silentGateway();
    const client = await tcpClient(await adapterFor(gateway.url, { batchMs: 1_000 }));
    await until(() => gateway.frames.length === 1);

    client.end(pingreq);

    await once(gateway.sockets[0]!, 'close');
    expect(bytesOf(gateway)).toEqual(Buffer.concat([defaultConnect, pingreq]));
  });
});

describe('a log in JSON', () => {
  it('has one object in each line', () => {
    const line = jsonLine({
      level: 'info',
      connection: 7,
      message: 'closed: client left',
      details: { reason: 'client_left' },
    });

    expect(JSON.parse(line)).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      level: 'info',
      connection: 7,
      message: 'closed: client left',
      reason: 'client_left',
    });
  });
});
