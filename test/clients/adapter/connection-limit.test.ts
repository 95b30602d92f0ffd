import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { type AdapterOptions, connectionLimits } from '../../../clients/adapter';
import { ConnectionLimit, networkOf } from '../../../clients/adapter/connection-limit';
import { LocalClock } from '../../../local/clock';
import {
  adapterFor,
  bytesOf,
  defaultConnect,
  defaultConnect5,
  endAll,
  endings,
  pause,
  type SilentGateway,
  silentGateway,
  until,
} from '../support/adapter-rig';
import {
  certificate,
  type ListenerKind,
  type ListenerPorts,
  listenerKinds,
  openClient,
  openSecureSocket,
  openSocket,
} from '../support/listener-clients';

const loopback = { host: '127.0.0.1', port: 0 };
const folder = mkdtempSync(join(tmpdir(), 'cirrus-places-'));
let started = 0;

afterEach(endAll);
afterAll(() => rmSync(folder, { recursive: true }));

/** An adapter with every kind of listener, and a held clock. */
async function adapterWithAllListeners(gateway: Gateway, options: Partial<AdapterOptions> = {}) {
  const clock = new LocalClock();
  clock.hold();
  const unixPath = join(folder, `${started++}.sock`);
  const adapter = await adapterFor(gateway.url, {
    listenTls: loopback,
    listenSecureWebSocket: loopback,
    listenUnix: unixPath,
    certificate,
    monitor: loopback,
    health: loopback,
    clock,
    ...options,
  });
  endings.push(() => clock.stop());
  return { adapter: Object.assign(adapter, { unixPath }), clock, gateway };
}

type Setup = Awaited<ReturnType<typeof adapterWithAllListeners>>;

async function gauge(adapter: ListenerPorts, name = 'clients'): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${adapter.monitorPort}/metrics`)).text();
  return Number(new RegExp(`^cirrus_adapter_${name} (\\d+)$`, 'm').exec(text)?.[1]);
}

async function untilGauge(adapter: ListenerPorts, value: number, name = 'clients'): Promise<void> {
  while ((await gauge(adapter, name)) !== value) await pause(5);
}

interface Gateway extends Pick<SilentGateway, 'url' | 'sockets' | 'frames'> {
  terminate(): void;
}

/** A gateway that accepts handshakes and sends nothing by itself. */
async function respondingGateway(): Promise<Gateway> {
  const gateway = await silentGateway();
  const { server } = gateway;
  const terminate = () => {
    for (const client of server.clients) client.terminate();
    server.close();
  };
  return { ...gateway, terminate };
}

/** A gateway that accepts TCP connections but responds to no handshake. */
async function silentServer(): Promise<Gateway> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket.on('error', () => {}))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const terminate = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  endings.push(terminate);
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets: [], frames: [], terminate };
}

/** Connects a client that waits for the rate limit, because an earlier one has used the only handshake of the second. */
async function waitForRateLimit(kind: ListenerKind, setup: Setup): Promise<Socket> {
  const first = await openClient('tcp', setup.adapter);
  first.send(defaultConnect);
  await until(() => setup.adapter.lines.includes('#1 connects as "a"'));
  first.socket.destroy();
  await untilGauge(setup.adapter, 0);
  const { socket, send } = await openClient(kind, setup.adapter);
  send(defaultConnect);
  await untilGauge(setup.adapter, 1, 'dials_waiting');
  return socket;
}

async function sendConnect(kind: ListenerKind, { adapter }: Setup, greeting = defaultConnect) {
  const client = await openClient(kind, adapter);
  client.send(greeting);
  await until(() => adapter.lines.includes('#1 connects as "a"'));
  return client;
}

async function dialed(kind: ListenerKind, setup: Setup) {
  const client = await sendConnect(kind, setup);
  await until(() => setup.gateway.sockets.length === 1);
  return client;
}

async function connected(kind: ListenerKind, setup: Setup) {
  const client = await dialed(kind, setup);
  setup.gateway.sockets[0]!.send(Buffer.from('20020000', 'hex').toString('base64'));
  await untilGauge(setup.adapter, 0, 'pending_clients');
  return client;
}

/** A client that does not read the packets of the gateway. */
async function stalled(kind: ListenerKind, setup: Setup) {
  const client = await connected(kind, setup);
  client.pause();
  const post = Buffer.alloc(60_000).fill(Buffer.from('d000', 'hex')).toString('base64');
  for (let sent = 0; sent < 30_000_000; sent += 60_000) setup.gateway.sockets[0]!.send(post);
  const taken = () => gauge(setup.adapter, 'bytes_total.direction="down".');
  for (let before = -1; before !== (await taken()); await pause(100)) before = await taken();
  return client;
}

interface Phase {
  readonly phase: string;
  readonly kinds: readonly ListenerKind[];
  /** Time limit of the phase in milliseconds. */
  readonly timeOut: number;
  /** True if the adapter does not read the client. */
  readonly isStalled?: boolean;
  readonly gateway?: () => Promise<Gateway>;
  readonly options?: Partial<AdapterOptions>;
  start(kind: ListenerKind, setup: Setup): Promise<Socket>;
}

const behindTls: readonly ListenerKind[] = ['tls', 'wss'];
const overHttp: readonly ListenerKind[] = ['ws', 'wss'];

const phases: readonly Phase[] = [
  {
    phase: 'a socket without a byte',
    kinds: listenerKinds,
    timeOut: 10_001,
    start: (kind, { adapter }) => openSocket(kind, adapter),
  },
  {
    phase: 'half a handshake of TLS',
    kinds: behindTls,
    timeOut: 10_001,
    async start(kind, { adapter }) {
      const socket = await openSocket(kind, adapter);
      socket.write(Buffer.from('16030100c8010000c40303', 'hex'));
      return socket;
    },
  },
  {
    phase: 'half a handshake of WebSocket',
    kinds: overHttp,
    timeOut: 10_001,
    async start(kind, { adapter }) {
      const { socket, top } = await openSecureSocket(kind, adapter);
      top.write('GET /mqtt HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgr');
      return socket;
    },
  },
  {
    phase: 'half a CONNECT',
    kinds: listenerKinds,
    timeOut: 10_001,
    async start(kind, { adapter }) {
      const { socket, send } = await openClient(kind, adapter);
      send(defaultConnect.subarray(0, 5));
      await until(() => adapter.lines.some((line) => line.startsWith('#1 opened')));
      return socket;
    },
  },
  {
    phase: 'a client that waits for the rate limit',
    kinds: listenerKinds,
    timeOut: 30_001,
    gateway: silentServer,
    options: { connectRate: 1 },
    start: waitForRateLimit,
  },
  {
    phase: 'a handshake with the gateway',
    kinds: listenerKinds,
    timeOut: 30_001,
    gateway: silentServer,
    start: async (kind, setup) => (await sendConnect(kind, setup)).socket,
  },
  {
    phase: 'an open connection to the gateway, without CONNACK',
    kinds: listenerKinds,
    timeOut: 7_060_001,
    start: async (kind, setup) => (await dialed(kind, setup)).socket,
  },
  {
    phase: 'a connection',
    kinds: listenerKinds,
    timeOut: 7_060_001,
    start: async (kind, setup) => (await connected(kind, setup)).socket,
  },
  {
    phase: 'a connection whose client reads nothing',
    kinds: listenerKinds,
    timeOut: 300_001,
    isStalled: true,
    start: async (kind, setup) => (await stalled(kind, setup)).socket,
  },
  {
    phase: 'a connection that the client has closed half, reading nothing',
    kinds: ['tcp', 'unix'],
    timeOut: 5_001,
    async start(kind, setup) {
      const { socket } = await stalled(kind, setup);
      socket.end();
      await until(() => setup.adapter.lines.includes('#1 closed: client left'));
      return socket;
    },
  },
  {
    phase: 'a connection that the adapter has closed',
    kinds: listenerKinds,
    timeOut: 5_001,
    async start(kind, setup) {
      const { socket, send, pause: stop } = await dialed(kind, setup);
      stop();
      send(Buffer.from('30ffffffff', 'hex'));
      await until(() => setup.adapter.lines.some((line) => line.startsWith('#1 closed')));
      return socket;
    },
  },
];

const each = phases.flatMap((phase) => phase.kinds.map((kind) => ({ ...phase, kind })));

describe.each(each)(
  '$phase over $kind',
  ({ kind, timeOut, isStalled, gateway = respondingGateway, options, start }) => {
    async function inPhase() {
      const setup = await adapterWithAllListeners(await gateway(), options);
      const socket = await start(kind, setup);
      return { ...setup, socket };
    }

    /** Lets time pass, and runs the timers that become due. */
    async function elapse(clock: LocalClock, milliseconds: number) {
      for (let left = milliseconds; left > 0; left -= 1_000_000) {
        clock.jump(Math.min(left, 1_000_000));
        await pause(5);
      }
    }

    async function untilEmpty({ adapter, clock }: Setup) {
      for (const name of ['clients', 'pending_clients', 'dials_waiting']) {
        for (; (await gauge(adapter, name)) !== 0; await pause(5)) clock.jump(1_000);
      }
    }

    it('releases its permit when the client dies', async () => {
      const { socket, ...setup } = await inPhase();

      if (kind === 'unix') socket.destroy();
      else socket.resetAndDestroy();

      // The adapter detects the death of a paused side by its time limit.
      if (isStalled) await elapse(setup.clock, timeOut);
      await untilEmpty(setup);
    });

    it('releases its permit after its time limit', async () => {
      const setup = await inPhase();

      await elapse(setup.clock, timeOut);

      await untilEmpty(setup);
    });

    it('releases its permit when the gateway dies', async () => {
      const setup = await inPhase();

      setup.gateway.terminate();
      await elapse(setup.clock, timeOut);

      await untilEmpty(setup);
    });
  },
);

describe('the sockets of the monitor', () => {
  it.each([
    ['without a byte', ''],
    ['with half a request', 'GET /metrics HTTP/1.1\r\nHo'],
    ['with a request whose body never ends', 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n'],
  ])('%s are closed after their time limit', async (_what, bytes) => {
    const { adapter, clock } = await adapterWithAllListeners(await respondingGateway());
    for (const port of [adapter.monitorPort!, adapter.healthPort!]) {
      const socket = connect(port, '127.0.0.1').on('error', () => {});
      endings.push(() => socket.destroy());
      await once(socket, 'connect');
      socket.write(bytes);
      await pause(20);

      clock.jump(10_001);

      await once(socket.resume(), 'close');
    }
  });

  it('do not block health checks, however many they are', async () => {
    const { adapter, clock } = await adapterWithAllListeners(await respondingGateway());
    for (let n = 0; n < 64; n++)
      await once(
        connect(adapter.healthPort!, '127.0.0.1').on('error', () => {}),
        'connect',
      );
    clock.jump(1_001);

    expect((await fetch(`http://127.0.0.1:${adapter.healthPort}/healthz`)).status).toBe(200);
    expect(await gauge(adapter)).toBe(0);
  });

  it('serve only health checks on the health port', async () => {
    const { adapter } = await adapterWithAllListeners(await respondingGateway());

    expect((await fetch(`http://127.0.0.1:${adapter.healthPort}/metrics`)).status).toBe(404);
  });
});

describe('the connection limit', () => {
  it.each(listenerKinds)('evicts a socket over %s without CONNECT after a second', async (kind) => {
    const setup = await adapterWithAllListeners(await respondingGateway(), { maxClients: 3 });
    const silent = await Promise.all([1, 2, 3].map(() => openSocket(kind, setup.adapter)));
    const ended = Promise.race(silent.map((socket) => once(socket.resume(), 'end')));
    await untilGauge(setup.adapter, 3);
    setup.clock.jump(1_001);

    (await openClient('tcp', setup.adapter)).send(defaultConnect);

    await until(() => setup.gateway.sockets.length === 1);
    await ended;
    expect(await gauge(setup.adapter)).toBe(3);
  });

  it('evicts neither connected clients nor new sockets', async () => {
    const setup = await adapterWithAllListeners(await respondingGateway(), { maxClients: 2 });
    await connected('tcp', setup);
    await openSocket('tcp', setup.adapter);
    await untilGauge(setup.adapter, 2);

    const late = await openSocket('tcp', setup.adapter);

    await once(late.resume(), 'end');
    expect(setup.adapter.lines.at(-1)).toMatch(/^#3 refused 127\.0\.0\.1:\d+: there are 2 clients already$/);
  });

  it('evicts a client whose CONNECT the broker did not accept within five seconds', async () => {
    const setup = await adapterWithAllListeners(await respondingGateway(), { maxClients: 1 });
    await dialed('tcp', setup);
    setup.clock.jump(5_001);

    const second = await openClient('tcp', setup.adapter);
    second.send(defaultConnect);

    await until(() => setup.adapter.lines.includes('#2 connects as "a"'));
    expect(setup.adapter.ends).toContain('gave_way');
  });
});

describe('the limit of one address', () => {
  it('does not affect other addresses', async () => {
    const { adapter } = await adapterWithAllListeners(await respondingGateway(), { maxClientsPerAddress: 2 });
    for (let n = 0; n < 2; n++) await openSocket('tcp', adapter, '127.0.0.2');
    await untilGauge(adapter, 2);

    const third = await openSocket('ws', adapter, '127.0.0.2');
    await once(third.resume(), 'end');

    expect(adapter.lines.at(-1)).toMatch(
      /refused 127\.0\.0\.2:\d+: its address has as many connections as one may have$/,
    );
    for (const kind of ['tcp', 'wss'] as const) await openClient(kind, adapter, '127.0.0.3');
    await untilGauge(adapter, 4);
  });

  const socket = (remoteAddress: string) =>
    ({ remoteAddress, remotePort: 1, once: () => {}, destroy: () => {} }) as never;

  it('is a quarter of the total by default, and the total for the loopback', () => {
    const clock = new LocalClock();
    const limit = new ConnectionLimit({ ...connectionLimits({ maxClients: 8 }), clock });
    const acquired = (address: string) => Array.from({ length: 3 }, () => typeof limit.acquire(socket(address)));

    expect(acquired('192.0.2.1')).toEqual(['object', 'object', 'string']);
    expect(acquired('::ffff:192.0.2.1')).toEqual(['string', 'string', 'string']);
    expect(acquired('127.0.0.1')).toEqual(['object', 'object', 'object']);
    clock.stop();
  });

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::1', '::1'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:0:0:aaaa:bbbb:cccc:dddd', '2001:db8:0:0::/64'],
    ['2001:db8:1:2::3', '2001:db8:1:2::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ])('counts a network of IPv6 as one address: %s is in %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

describe('the permit of a client that has left', () => {
  it('is held while its packets wait for the gateway', async () => {
    const setup = await adapterWithAllListeners(await silentServer());
    const { top } = await openSecureSocket('ws', setup.adapter);
    const socket = new WebSocket('ws://127.0.0.1/mqtt', 'mqtt', { createConnection: () => top });
    await once(socket, 'open');
    const publish = Buffer.concat([Buffer.from('30e507000161', 'hex'), Buffer.alloc(994)]);

    top.cork(); // All frames in one segment.
    socket.send(defaultConnect);
    for (let n = 0; n < 30; n++) socket.send(publish);
    socket.close();
    top.uncork();
    await once(socket, 'close');

    expect(await gauge(setup.adapter)).toBe(1);
    setup.clock.jump(30_001);
    await until(() => setup.adapter.lines.some((line) => line.startsWith('#1 closed')));
    setup.clock.jump(5_001);
    await untilGauge(setup.adapter, 0);
  });
});

describe('the memory that a client can occupy', () => {
  it.each([
    ['before CONNECT', 40_000, false],
    ['before CONNACK', 140_000, true],
  ])('is limited %s', async (_when, bytes, hasConnect) => {
    const { adapter } = await adapterWithAllListeners(await respondingGateway());
    const { top } = await openSecureSocket('ws', adapter);
    const socket = new WebSocket('ws://127.0.0.1/mqtt', 'mqtt', { createConnection: () => top });
    endings.push(() => socket.terminate());
    socket.on('error', () => {});
    await once(socket, 'open');
    if (hasConnect) socket.send(defaultConnect);

    socket.send(Buffer.alloc(bytes), { fin: false });

    await once(socket, 'close');
    await untilGauge(adapter, 0);
  });

  it('has at most 16 negative acknowledgements before CONNACK', async () => {
    const setup = await adapterWithAllListeners(await respondingGateway());
    const client = await sendConnect('tcp', setup, defaultConnect5);
    const oversized = Buffer.concat([Buffer.from('32fdff050001610001', 'hex'), Buffer.alloc(98_296)]);

    for (let n = 0; n < 17; n++) client.send(oversized);

    await until(() => setup.adapter.ends.length === 1);
    expect(setup.adapter.ends).toEqual(['bad_packet']);
  });

  it('may be a WebSocket message of a megabyte after CONNACK', async () => {
    const setup = await adapterWithAllListeners(await respondingGateway());
    const client = await connected('ws', setup);
    const publish = Buffer.concat([Buffer.from('30e507000161', 'hex'), Buffer.alloc(994)]);

    client.send(Buffer.alloc(1_000_000).fill(publish));

    await until(() => bytesOf(setup.gateway).length >= defaultConnect.length + 1_000_000);
    expect(setup.adapter.ends).toEqual([]);
  });
});

describe('a listener without TLS', () => {
  it.each([
    [{ listen: { host: '0.0.0.0', port: 0 } }, 'MQTT without TLS listens at 0.0.0.0'],
    [{ listenWebSocket: { host: '::', port: 0 } }, 'MQTT over WebSocket without TLS listens at ::'],
  ])('beyond the loopback causes a warning, %#', async (options, warning) => {
    const { adapter } = await adapterWithAllListeners(await respondingGateway(), options);

    expect(adapter.lines.filter((line) => line.includes('in the clear'))).toEqual([expect.stringContaining(warning)]);
  });

  it('on the loopback causes none', async () => {
    const { adapter } = await adapterWithAllListeners(await respondingGateway(), {
      listenTls: { host: '0.0.0.0', port: 0 },
    });

    expect(adapter.lines).toEqual([]);
  });
});
