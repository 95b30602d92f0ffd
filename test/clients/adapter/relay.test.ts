import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type Adapter, startAdapter } from '../../../clients/adapter';
import { DisconnectBackoff } from '../../../clients/adapter/disconnect-backoff';
import { NodeWebSocket } from '../../../clients/node-websocket';
import { LocalClock } from '../../../local/clock';
import {
  adapterFor,
  bytesOf,
  connectAndPing,
  connectFrame,
  defaultConnect,
  defaultConnect5,
  endAll,
  endings,
  expectReceived,
  pingreq,
  rawBytes,
  type SilentGateway,
  type StartedAdapter,
  silentGateway,
  tcpClient,
  until,
  untilCounted,
  webSocketClient,
} from '../support/adapter-rig';

const monitor = { host: '127.0.0.1', port: 0 };
const pingresp = Buffer.from('d000', 'hex');

afterEach(endAll);

describe('a client of the adapter', () => {
  it('may send packets before the gateway has responded', async () => {
    let accept: ((yes: boolean) => void) | undefined;
    const gateway = await silentGateway((_info, answer) => {
      accept = answer;
    });
    const client = await tcpClient(await adapterFor(gateway.url));

    client.write(pingreq);
    await until(() => accept !== undefined);
    accept!(true);

    await expectReceived(gateway, connectAndPing);
  });

  it('gets the last packet of the broker before its connection ends', async () => {
    const gateway = await silentGateway();
    const client = await tcpClient(await adapterFor(gateway.url));
    await until(() => gateway.sockets.length === 1);

    const received: Buffer[] = [];
    client.on('data', (chunk) => received.push(chunk));
    gateway.sockets[0]!.send(Buffer.from('20020005', 'hex').toString('base64'));
    gateway.sockets[0]!.close();

    await once(client, 'close');
    expect(Buffer.concat(received).toString('hex')).toBe('20020005');
  });

  it('ends its connection to the gateway after its last packet', async () => {
    const gateway = await silentGateway();
    const client = await tcpClient(await adapterFor(gateway.url));
    await until(() => gateway.sockets.length === 1);

    client.end(pingreq);

    await once(gateway.sockets[0]!, 'close');
    expect(bytesOf(gateway)).toEqual(connectAndPing);
  });

  it('ends its connection to the gateway at once when it leaves during a flood', async () => {
    const gateway = await silentGateway();
    const adapter = await adapterFor(gateway.url, { monitor });
    const client = await tcpClient(adapter);
    await until(() => gateway.sockets.length === 1);
    const post = Buffer.alloc(60_000).fill(pingreq).toString('base64');

    client.pause();
    for (let n = 0; n < 300; n++) gateway.sockets[0]!.send(post);
    await untilCounted(adapter, 'stalls_total{side="gateway_waits"}');
    client.destroy();

    await once(gateway.sockets[0]!, 'close');
    expect(adapter.ends).toEqual([expect.stringMatching(/^client_(left|error)$/)]); // its socket is reset
  });

  it('is disconnected when the gateway is unreachable, and the log contains the reason', async () => {
    const clock = new LocalClock();
    clock.hold();
    const adapter = await adapterFor('ws://127.0.0.1:1', { clock, connectWithinMs: 1 });
    const client = await tcpClient(adapter);
    await until(() => adapter.lines.some((line) => line.startsWith('#1 waits for the gateway')));

    clock.jump(1);

    await once(client, 'close');
    expect(adapter.ends).toEqual(['not_connected']);
    expect(adapter.lines.at(-1)).toContain('ECONNREFUSED 127.0.0.1:1');
  });

  it('is disconnected when API Gateway responds in place of the broker', async () => {
    const gateway = await silentGateway();
    const adapter = await adapterFor(gateway.url);
    const client = await tcpClient(adapter);
    await until(() => gateway.sockets.length === 1);

    gateway.sockets[0]!.send('{"message": "Forbidden", "connectionId": "abc="}');

    await once(client, 'close');
    expect(adapter.ends).toEqual(['gateway_error']);
    expect(adapter.lines.at(-1)).toContain('Forbidden');
  });

  it('is the only one to be disconnected when it sends no MQTT', async () => {
    const gateway = await silentGateway();
    const adapter = await adapterFor(gateway.url);
    const [bad, good] = [await tcpClient(adapter), await tcpClient(adapter)];

    bad.write(Buffer.from('30ffffffff', 'hex'));
    await once(bad, 'close');
    good.write(pingreq);

    await until(() => bytesOf(gateway).includes(connectAndPing));
    expect(adapter.ends).toEqual(['bad_packet']);
  });

  it.each([
    ['PINGREQ with a body', 'c001'],
    ['PINGREQ with a long body', 'c0ff'],
    ['SUBSCRIBE without its flag', '80'],
    ['PUBACK without a packet id', '4001'],
    ['PUBLISH with QoS 3', '36'],
  ])('ends alone when a fixed header is invalid: %s', async (_what, bytes) => {
    const gateway = await silentGateway();
    const adapter = await adapterFor(gateway.url);
    const [bad, good] = [await tcpClient(adapter), await tcpClient(adapter)];

    bad.write(Buffer.from(bytes, 'hex'));
    await once(bad, 'close');
    good.write(pingreq);

    await until(() => bytesOf(gateway).includes(connectAndPing));
    expect(adapter.ends).toEqual(['bad_packet']);
  });

  it('may send a valid fixed header byte by byte', async () => {
    const gateway = await silentGateway();
    const adapter = await adapterFor(gateway.url);
    const client = await tcpClient(adapter);

    for (const byte of Buffer.from('40020001', 'hex')) client.write(Buffer.of(byte));
    client.write(pingreq);

    await expectReceived(gateway, Buffer.concat([defaultConnect, Buffer.from('40020001', 'hex'), pingreq]));
    expect(adapter.ends).toEqual([]);
  });
});

describe('an oversized packet of a client of the adapter', () => {
  const connack = Buffer.from('20020000', 'hex').toString('base64');
  const connack5 = Buffer.from('2003000000', 'hex').toString('base64');
  /** Bytes of a PUBLISH with the packet id 1 that no broker here takes. */
  const oversized = (first: number) =>
    Buffer.concat([Buffer.of(first), Buffer.from('fdff050001610001', 'hex'), Buffer.alloc(98_296)]);
  const withheld = '#1 withheld: a packet of 98305 bytes is over the limit of 97280';

  /** A client that the broker has let in, and what it hears. */
  async function member(adapter: StartedAdapter, gateway: SilentGateway, greeting: Buffer, answer: string) {
    const before = gateway.sockets.length;
    const client = await tcpClient(adapter, greeting);
    const heard: Buffer[] = [];
    client.on('data', (chunk) => heard.push(chunk));
    await until(() => gateway.sockets.length > before);
    gateway.sockets.at(-1)!.send(answer);
    await until(() => heard.length > 0);
    heard.splice(0);
    return { client, said: () => Buffer.concat(heard).toString('hex') };
  }

  it.each([
    ['QoS 1', 0x32, '400400019700'],
    ['QoS 2', 0x34, '500400019700'],
    ['QoS 0', 0x30, ''],
  ])('is refused in MQTT 5.0 at %s, and the connection stays', async (_qos, first, answer) => {
    const gateway = await silentGateway();
    const adapter = await adapterFor(gateway.url);
    const { client, said } = await member(adapter, gateway, defaultConnect5, connack5);

    client.write(Buffer.concat([oversized(first), pingreq]));

    await expectReceived(gateway, Buffer.concat([defaultConnect5, pingreq]));
    expect(said()).toBe(answer);
    expect(adapter.lines.at(-1)).toBe(withheld);
  });

  it('is answered behind CONNACK, not before it', async () => {
    const gateway = await silentGateway();
    const adapter = await adapterFor(gateway.url);
    const client = await tcpClient(adapter, Buffer.concat([defaultConnect5, oversized(0x32)]));
    const heard: Buffer[] = [];
    client.on('data', (chunk) => heard.push(chunk));
    await until(() => adapter.lines.includes(withheld) && gateway.sockets.length === 1);
    expect(heard).toEqual([]);

    gateway.sockets[0]!.send(connack5);

    await until(() => Buffer.concat(heard).length >= 11);
    expect(Buffer.concat(heard).toString('hex')).toBe('2003000000400400019700');
  });

  it('is withheld in MQTT 3.1.1 at QoS 0, and the connection stays', async () => {
    const gateway = await silentGateway();
    const adapter = await adapterFor(gateway.url);
    const { client } = await member(adapter, gateway, defaultConnect, connack);

    client.write(Buffer.concat([oversized(0x30), pingreq]));

    await expectReceived(gateway, connectAndPing);
    expect(adapter.lines.at(-1)).toBe(withheld);
  });

  it('ends the connection in MQTT 3.1.1 at QoS 1: at once, and later each time that it comes again', async () => {
    const clock = new LocalClock();
    clock.hold();
    const gateway = await silentGateway();
    const adapter = await adapterFor(gateway.url, { clock, maxAgeMs: 0 });
    for (const [index, seconds] of [0, 30, 60, 120].entries()) {
      const { client } = await member(adapter, gateway, defaultConnect, connack);
      const closed = once(client, 'close');
      const end = `#${index + 1} closed: a packet of 98305 bytes is over the limit of 97280`;

      client.write(Buffer.concat([oversized(0x3a), pingreq, oversized(0x3a)]));
      await until(() => bytesOf(gateway).equals(Buffer.concat(Array(index + 1).fill(connectAndPing))));

      if (seconds > 0) clock.jump(seconds * 1_000 - 1);
      if (seconds > 0) expect(adapter.lines).not.toContain(end);
      clock.jump(1);
      await closed;
      expect(adapter.lines).toContain(end);
    }
  });

  it('before CONNECT ends the connection, and nobody is dialled', async () => {
    const gateway = await silentGateway();
    const adapter = await adapterFor(gateway.url);
    const client = await tcpClient(adapter, oversized(0x32));

    await once(client, 'close');

    expect(adapter.lines.at(-1)).toBe('#1 closed: the first packet is no CONNECT');
    expect(gateway.sockets).toEqual([]);
  });
});

describe('the pauses before connections end', () => {
  it('are forgotten when a client was good for two hours, and for the oldest of a thousand', () => {
    const clock = new LocalClock();
    clock.hold();
    const refusals = new DisconnectBackoff(clock);
    const seconds = (clientId: string, times: number) =>
      Array.from({ length: times }, () => refusals.delayAfterRefusal(clientId) / 1_000);

    expect(seconds('a', 10)).toEqual([0, 30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
    clock.jump(7_199_999);
    expect(seconds('a', 1)).toEqual([3_600]);
    clock.jump(7_200_000);
    expect(seconds('a', 2)).toEqual([0, 30]);
    for (let n = 0; n < 999; n++) refusals.delayAfterRefusal(`other ${n}`);
    expect(seconds('a', 1)).toEqual([60]);
    for (let n = 0; n < 1_000; n++) refusals.delayAfterRefusal(`another ${n}`);
    expect(seconds('a', 1)).toEqual([0]);
  });
});

describe('backpressure', () => {
  const total = 30_000_000;

  /**
   * Returns when one side has been paused for a while: as long as another client of the adapter takes for many round trips, in
   * which the paused side would go on.
   */
  async function paused(adapter: StartedAdapter, gateway: SilentGateway, side: string): Promise<void> {
    await untilCounted(adapter, `stalls_total{side="${side}"}`);
    const other = await tcpClient(adapter);
    await until(() => gateway.sockets.length === 2);
    const socket = gateway.sockets[1]!;
    for (let n = 0; n < 200; n++) {
      other.write(pingreq);
      await once(socket, 'message');
      socket.send(pingresp.toString('base64'));
      await once(other, 'data');
    }
  }
  /** QoS 0, a thousand bytes. */
  const publish = Buffer.concat([Buffer.from('30e507000161', 'hex'), Buffer.alloc(994)]);

  it('holds back a client that is faster than the gateway', async () => {
    const gateway = await silentGateway();
    const adapter = await adapterFor(gateway.url, { monitor });
    const client = await tcpClient(adapter);
    await until(() => gateway.frames.length === 1);
    gateway.sockets[0]!.pause();

    const chunk = Buffer.alloc(60_000).fill(publish);
    let taken = 0;
    const writeOn = () => {
      if (taken === total) return;
      client.write(chunk, () => {
        taken += chunk.length;
        writeOn();
      });
    };
    writeOn();
    await paused(adapter, gateway, 'device_waits');
    const takenWhilePaused = taken;
    let received = 0;
    gateway.sockets[0]!.on('message', (frame) => {
      received += rawBytes(String(frame)).length;
    });
    gateway.sockets[0]!.resume();

    await until(() => received >= total);
    expect(takenWhilePaused).toBeLessThan((total * 2) / 3);
    expect(received).toBe(total);
  });

  it('holds back a gateway that is faster than the client', async () => {
    const gateway = await silentGateway();
    const adapter = await adapterFor(gateway.url, { monitor });
    const client = await tcpClient(adapter);
    await until(() => gateway.sockets.length === 1);
    const post = Buffer.alloc(60_000).fill(publish).toString('base64');

    client.pause();
    for (let sent = 0; sent < total; sent += 60_000) gateway.sockets[0]!.send(post);
    await paused(adapter, gateway, 'gateway_waits');
    expect(gateway.sockets[0]!.bufferedAmount).toBeGreaterThan(total / 3);

    let received = 0;
    client.on('data', (chunk) => {
      received += chunk.length;
    });
    client.resume();
    await until(() => received >= total);
    expect(received).toBe(total);
  });

  it('holds back a gateway that is faster than a client over WebSocket, whose every message is one packet', async () => {
    const gateway = await silentGateway();
    const adapter = await adapterFor(gateway.url, { monitor });
    const client = await webSocketClient(adapter, ['mqtt']);
    await until(() => gateway.sockets.length === 1);
    const post = Buffer.alloc(60_000).fill(publish).toString('base64');

    client.pause();
    for (let sent = 0; sent < total; sent += 60_000) gateway.sockets[0]!.send(post);
    await paused(adapter, gateway, 'gateway_waits');
    expect(gateway.sockets[0]!.bufferedAmount).toBeGreaterThan(total / 3);

    let received = 0;
    const sizes = new Set<number>();
    client.on('message', (message: Buffer) => {
      received += message.length;
      sizes.add(message.length);
    });
    client.resume();
    await until(() => received >= total);
    expect(received).toBe(total);
    expect([...sizes]).toEqual([publish.length]);
  });

  it('gathers the packets of many turns in one frame while the gateway is slow', async () => {
    const gateway = await silentGateway();
    const socket = new NodeWebSocket(gateway.url);
    endings.push(() => socket.terminate());
    await once(socket, 'open');
    gateway.sockets[0]!.pause();
    const frames = Math.ceil(total / 24_564);

    socket.write(Buffer.alloc(total).fill(pingreq));
    for (let n = 0; n < 50; n++) {
      socket.write(pingreq);
      await turn();
    }
    gateway.sockets[0]!.resume();

    await until(() => gateway.frames.length >= frames);
    socket.close();
    await once(gateway.sockets[0]!, 'close'); // behind all frames
    expect(gateway.frames.length).toBe(frames);
    expect(rawBytes(gateway.frames.at(-1)!).length).toBe((total % 24_564) + 50 * pingreq.length);
  });
});

describe('a WebSocket client of the adapter', () => {
  it.each([
    [['mqtt'], 'mqtt'],
    [['mqttv3.1'], 'mqttv3.1'],
    [['other', 'mqtt'], 'mqtt'],
    [[], ''],
  ])('that offers %j is given "%s"', async (offered, given) => {
    const client = await webSocketClient(await adapterFor((await silentGateway()).url), offered);

    expect(client.protocol).toBe(given);
  });

  it('that is none is told so, and let go', async () => {
    const { webSocketPort } = await adapterFor('ws://127.0.0.1:1');

    const { status, headers } = await fetch(`http://127.0.0.1:${webSocketPort}/mqtt`);

    expect(status).toBe(426);
    expect(headers.get('connection')).toBe('close');
  });

  it('may cut packets into frames as it likes', async () => {
    const gateway = await silentGateway();
    const client = await webSocketClient(await adapterFor(gateway.url), ['mqtt']);

    client.send(pingreq.subarray(0, 1));
    client.send(pingreq.subarray(1));

    await expectReceived(gateway, connectAndPing);
  });

  it.each([1, 2, 3, 7, 50, 1_000, 70_000])('gets one packet in each message, in slices of %i bytes', async (slice) => {
    const gateway = await silentGateway();
    const client = await webSocketClient(await adapterFor(gateway.url), ['mqtt']);
    const messages: Buffer[] = [];
    client.on('message', (message: Buffer) => messages.push(message));
    await until(() => gateway.sockets.length === 1);
    const packets = [
      Buffer.from('20020000', 'hex'),
      Buffer.concat([Buffer.from('30fdff010001', 'hex'), Buffer.alloc(32_763)]), // more than one write of most sockets
      ...Array.from({ length: 10 }, (_, n) => Buffer.concat([Buffer.of(0x31, n + 3, 0, 1), Buffer.alloc(n + 1)])),
      Buffer.from('d000', 'hex'),
    ];
    const bytes = Buffer.concat(packets);

    for (let at = 0; at < bytes.length; at += slice)
      gateway.sockets[0]!.send(bytes.subarray(at, at + slice).toString('base64'));

    await until(() => messages.length >= packets.length);
    expect(messages.map((message) => message.toString('hex'))).toEqual(packets.map((packet) => packet.toString('hex')));
  });

  it('is closed with 1003 when it sends text, and nothing of it is passed on', async () => {
    const gateway = await silentGateway();
    const client = await webSocketClient(await adapterFor(gateway.url), ['mqtt']);

    client.send('\u0030\u0000');

    expect((await once(client, 'close'))[0]).toBe(1003);
    await until(() => gateway.server.clients.size === 0);
    expect(gateway.frames.filter((frame) => frame !== connectFrame)).toEqual([]);
  });

  it('is refused on any path but /mqtt', async () => {
    const adapter = await adapterFor((await silentGateway()).url);

    await expect(webSocketClient(adapter, ['mqtt'], '/other')).rejects.toThrow('Unexpected server response: 400');
  });
});

describe('closing the adapter', () => {
  it('ends its listeners and all connections', async () => {
    const gateway = await silentGateway();
    const adapter = await adapterFor(gateway.url);
    const [tcp, webSocket] = [await tcpClient(adapter), await webSocketClient(adapter, ['mqtt'])];
    await until(() => gateway.server.clients.size === 2);

    await Promise.all([once(tcp, 'close'), once(webSocket, 'close'), adapter.close()]);

    await until(() => gateway.server.clients.size === 0);
    expect(adapter.ends).toEqual(['shutdown', 'shutdown']);
    await expect(tcpClient(adapter)).rejects.toThrow('ECONNREFUSED');
  });

  it('forwards all packets, and sends clients of MQTT 5.0 the reason', async () => {
    const gateway = await silentGateway();
    const adapter = await adapterFor(gateway.url, { batchMs: 60_000, monitor });
    const client = await tcpClient(adapter, defaultConnect5);
    const heard: Buffer[] = [];
    client.on('data', (chunk) => heard.push(chunk));
    await until(() => gateway.sockets.length === 1);
    gateway.sockets[0]!.send(Buffer.from('2003000000', 'hex').toString('base64'));
    client.write(pingreq);
    await until(() => heard.length === 1);
    await untilCounted(adapter, 'pings_total{answered_by="broker"}');

    await adapter.close();

    await until(() => heard.length === 2);
    expect(heard[1]!.toString('hex')).toBe('e0028b00');
    expect(bytesOf(gateway)).toEqual(Buffer.concat([defaultConnect5, pingreq]));
  });

  it('waits for no gateway that never answers', async () => {
    const deaf = createServer((socket) => endings.push(() => socket.destroy())).listen(0, '127.0.0.1');
    await once(deaf, 'listening');
    endings.push(() => deaf.close());
    const adapter = await adapterFor(`ws://127.0.0.1:${(deaf.address() as AddressInfo).port}`);
    const leaving = await tcpClient(adapter);
    await tcpClient(adapter);
    await until(() => adapter.lines.length === 4);

    leaving.destroy();

    await adapter.close();
    expect(adapter.ends).toHaveLength(2);
  });
});

describe('starting the adapter', () => {
  it('names a port that is taken, and leaves no other listener behind', async () => {
    const { url } = await silentGateway();
    const first = await adapterFor(url);
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));

    const second = startAdapter({
      url,
      listen: { host: '127.0.0.1', port },
      listenWebSocket: { host: '127.0.0.1', port: first.webSocketPort! },
    });

    await expect(second).rejects.toThrow(`port ${first.webSocketPort} is taken`);
    await expect(tcpClient({ port } as Adapter)).rejects.toThrow('ECONNREFUSED');
  });
});
