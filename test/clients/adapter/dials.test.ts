import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { WebSocketServer } from 'ws';
import { RateLimiter } from '../../../clients/adapter/rate-limiter';
import { LocalClock } from '../../../local/clock';
import {
  adapterFor,
  defaultConnect,
  defaultConnect5,
  endAll,
  endings,
  pause,
  silentGateway,
  tcpClient,
  until,
} from '../support/adapter-rig';
import { giveNamesTwoAddresses } from '../support/two-addresses';

afterEach(endAll);

/** Answers handshakes with these statuses, one after the other, and lets in who comes after them. */
async function refusingGateway(...statuses: number[]) {
  const http: Server = createServer();
  const server = new WebSocketServer({ noServer: true });
  const gateway = { url: '', handshakes: 0 };
  http.on('upgrade', (request, socket, head) => {
    const status = statuses[gateway.handshakes++];
    if (status === undefined) server.handleUpgrade(request, socket, head, () => {});
    else socket.end(`HTTP/1.1 ${status} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  endings.push(() => {
    for (const socket of server.clients) socket.terminate();
    http.close();
  });
  gateway.url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}`;
  return { gateway, server };
}

async function answerTo(greeting: Buffer, url: string): Promise<string> {
  const client = await tcpClient(await adapterFor(url), greeting);
  const chunks: Buffer[] = [];
  client.on('data', (chunk) => chunks.push(chunk));
  await once(client, 'close');
  return Buffer.concat(chunks).toString('hex');
}

describe('a client whose gateway is away for a moment', () => {
  it.each([429, 503, 502])('waits for its CONNACK while handshakes are answered with %i', async (status) => {
    const { gateway, server } = await refusingGateway(status);
    const adapter = await adapterFor(gateway.url);
    const client = await tcpClient(adapter);

    await until(() => server.clients.size === 1);

    expect(client.destroyed).toBe(false);
    expect(adapter.lines).toContain(`#1 waits for the gateway: the gateway answered the handshake with ${status}`);
    expect(gateway.handshakes).toBe(2);
  });

  it('is in the log with what was wrong at every address of the gateway', async () => {
    const adapter = await adapterFor('ws://gateway.example:1');
    endings.push(giveNamesTwoAddresses());

    await tcpClient(adapter);

    const wrong = 'connect ECONNREFUSED 127.0.0.1:1, connect ECONNREFUSED 127.0.0.2:1';
    await until(() => adapter.lines.includes(`#1 waits for the gateway: ${wrong}`));
  });

  it('is let go, and the failure counted, when the gateway answers no handshake', async () => {
    const gateway = await silentGateway((_info, accept) => endings.push(() => accept(false)));
    const monitor = { host: '127.0.0.1', port: 0 };
    const adapter = await adapterFor(gateway.url, { connectWithinMs: 200, monitor });

    await once(await tcpClient(adapter), 'close');

    expect(adapter.lines.at(-1)).toBe('#1 closed: the gateway did not answer the handshake in time');
    const metrics = await (await fetch(`http://127.0.0.1:${adapter.monitorPort}/metrics`)).text();
    expect(metrics).toContain('dial_failures_total{reason="timeout"} 1\n');
  });

  it('causes no further handshake after it has left', async () => {
    const { gateway } = await refusingGateway(429, 429, 429);
    const clock = new LocalClock();
    clock.hold();
    const adapter = await adapterFor(gateway.url, { clock });
    const client = await tcpClient(adapter);
    await until(() => adapter.lines.some((line) => line.startsWith('#1 waits for the gateway')));

    client.destroy();
    await until(() => adapter.ends.length === 1);
    await tcpClient(adapter);
    await until(() => adapter.lines.includes('#2 connects as "a"'));
    clock.jump(5_000); // to the second client's handshake, which a repeated one of the first would precede

    await until(() => adapter.lines.some((line) => line.startsWith('#2 waits for the gateway')));
    expect(adapter.ends).toEqual(['client_left']);
    expect(gateway.handshakes).toBe(2);
  });

  it.each([
    ['MQTT 3.1.1', defaultConnect, '20020005'],
    ['MQTT 5.0', defaultConnect5, '2003008700'],
  ])('gets Not authorized when the handshake is refused, in %s', async (_version, greeting, connack) => {
    const { gateway } = await refusingGateway(403, 403);

    expect(await answerTo(greeting, gateway.url)).toBe(connack);
    expect(gateway.handshakes).toBe(1);
  });

  it('costs nothing before it has sent a CONNECT', async () => {
    const { gateway, server } = await refusingGateway();
    const adapter = await adapterFor(gateway.url);

    const [silent, other] = [
      await tcpClient(adapter, defaultConnect.subarray(0, 5)),
      await tcpClient(adapter, Buffer.from('c000', 'hex')),
    ];

    await once(other, 'close');
    expect(adapter.lines).toContain('#2 closed: the first packet is no CONNECT');
    expect(silent.destroyed).toBe(false);
    expect(server.clients.size + gateway.handshakes).toBe(0);
  });
});

describe('limits on clients', () => {
  it('give each ten seconds for its CONNECT', async () => {
    const clock = new LocalClock();
    endings.push(() => clock.stop());
    const adapter = await adapterFor((await silentGateway()).url, { clock });
    const client = await tcpClient(adapter, Buffer.from('10', 'hex'));
    await until(() => adapter.lines.length === 1);

    clock.jump(10_001);

    await once(client, 'close');
    expect(adapter.lines.at(-1)).toBe('#1 closed: no CONNECT within 10 s');
  });

  it('refuse new clients at the limit', async () => {
    const adapter = await adapterFor((await silentGateway()).url, { maxClients: 1 });
    const [first, second] = [await tcpClient(adapter), await tcpClient(adapter)];

    await once(second, 'close');
    expect(adapter.lines.join('\n')).toMatch(/^#2 refused 127\.0\.0\.1:\d+: there are 1 clients already$/m);
    first.destroy();

    await until(() => adapter.lines.includes('#1 closed: client left'));
    const third = await tcpClient(adapter);
    await until(() => adapter.lines.includes('#3 connects as "a"'));
    expect(third.destroyed).toBe(false);
  });

  it('hold for the size of packets', async () => {
    const adapter = await adapterFor((await silentGateway()).url, { maxPacketBytes: 1_000 });
    const client = await tcpClient(adapter);

    client.write(Buffer.concat([Buffer.from('32e6070001610001', 'hex'), Buffer.alloc(993)]));

    await once(client, 'close');
    expect(adapter.lines.at(-1)).toBe('#1 closed: a packet of 1001 bytes is over the limit of 1000');
  });
});

describe('the pace of handshakes', () => {
  async function storm(clients: number, seconds: number, trouble = (_pace: RateLimiter) => {}): Promise<number[]> {
    const clock = new LocalClock();
    clock.hold();
    const pace = new RateLimiter(50, clock);
    let passed = 0;
    for (let n = 0; n < clients; n++) {
      pace.acquire(() => {
        passed += 1;
      });
    }
    trouble(pace);
    const counts = [passed];
    for (let second = 0; second < seconds; second++) {
      clock.jump(1_000);
      await pause(5);
      counts.push(passed);
    }
    clock.stop();
    return counts;
  }

  it("lets a second's worth through at once and the rest of a thousand clients one by one", async () => {
    const counts = await storm(1_000, 19);

    expect(counts.slice(0, 3)).toEqual([50, 100, 150]);
    expect(counts.at(-1)).toBe(1_000);
  });

  it('is halved when the gateway says that it is too much', async () => {
    const counts = await storm(1_000, 2, (pace) => {
      pace.slowDown();
      pace.slowDown(); // in the same second: it is the same overload
    });

    expect(counts).toEqual([50, 75, 100]);
  });

  it('lets addresses take turns, so that the crowd of one delays no other', () => {
    const clock = new LocalClock();
    clock.hold();
    const pace = new RateLimiter(4, clock);
    const order: string[] = [];
    for (let n = 0; n < 4; n++) pace.acquire(() => {}); // the first second
    for (let n = 0; n < 1_000; n++) pace.acquire(() => order.push('crowd'), '192.0.2.1');
    for (const name of ['one', 'other']) pace.acquire(() => order.push(name), '192.0.2.2');

    clock.jump(1_000);
    pace.acquire(() => {}, '192.0.2.3');

    expect(order).toEqual(['crowd', 'one', 'crowd']);
    pace.stop();
    clock.stop();
  });

  it('keeps its order, and no place for who has left', () => {
    const clock = new LocalClock();
    const pace = new RateLimiter(1, clock);
    const order: string[] = [];
    pace.acquire(() => order.push('first'));
    const leave = pace.acquire(() => order.push('left'));
    pace.acquire(() => order.push('second'));

    leave();

    expect(pace.waitingCount).toBe(1);
    expect(order).toEqual(['first']);
    pace.stop();
    clock.stop();
  });
});
