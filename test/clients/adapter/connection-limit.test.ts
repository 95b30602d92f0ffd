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
  endAll,
  endings,
  hello,
  hello5,
  pause,
  type SilentGateway,
  silentGateway,
  until,
} from '../support/adapter-rig';
import { certificate, type DoorName, type DoorPorts, doors, enter, knock, knockThroughTls } from '../support/doors';

const loopback = { host: '127.0.0.1', port: 0 };
const folder = mkdtempSync(join(tmpdir(), 'cirrus-places-'));
let started = 0;

afterEach(endAll);
afterAll(() => rmSync(folder, { recursive: true }));

/** An adapter with every listener, whose clock stands still unless a test moves it. */
async function building(gateway: Gateway, options: Partial<AdapterOptions> = {}) {
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

type Building = Awaited<ReturnType<typeof building>>;

async function gauge(adapter: DoorPorts, name = 'clients'): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${adapter.monitorPort}/metrics`)).text();
  return Number(new RegExp(`^cirrus_adapter_${name} (\\d+)$`, 'm').exec(text)?.[1]);
}

async function untilGauge(adapter: DoorPorts, value: number, name = 'clients'): Promise<void> {
  while ((await gauge(adapter, name)) !== value) await pause(5);
}

interface Gateway extends Pick<SilentGateway, 'url' | 'sockets' | 'frames'> {
  die(): void;
}

/** A gateway that answers handshakes, and says nothing by itself. */
async function quietGateway(): Promise<Gateway> {
  const gateway = await silentGateway();
  const { server } = gateway;
  const die = () => {
    for (const client of server.clients) client.terminate();
    server.close();
  };
  return { ...gateway, die };
}

/** A gateway that takes connections, and answers no handshake. */
async function deafGateway(): Promise<Gateway> {
  const dialled = new Set<Socket>();
  const server = createServer((socket) => dialled.add(socket.on('error', () => {}))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const die = () => {
    for (const socket of dialled) socket.destroy();
    server.close();
  };
  endings.push(die);
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets: [], frames: [], die };
}

/** The first client takes the only handshake of a second, so that the next ones wait. */
async function queue(door: DoorName, house: Building): Promise<Socket> {
  const first = await enter('tcp', house.adapter);
  first.send(hello);
  await until(() => house.adapter.lines.includes('#1 connects as "a"'));
  first.socket.destroy();
  await untilGauge(house.adapter, 0);
  const { socket, send } = await enter(door, house.adapter);
  send(hello);
  await untilGauge(house.adapter, 1, 'dials_waiting');
  return socket;
}

async function greet(door: DoorName, { adapter }: Building, greeting = hello) {
  const visitor = await enter(door, adapter);
  visitor.send(greeting);
  await until(() => adapter.lines.includes('#1 connects as "a"'));
  return visitor;
}

async function joined(door: DoorName, house: Building) {
  const visitor = await greet(door, house);
  await until(() => house.gateway.sockets.length === 1);
  return visitor;
}

async function connected(door: DoorName, house: Building) {
  const visitor = await joined(door, house);
  house.gateway.sockets[0]!.send(Buffer.from('20020000', 'hex').toString('base64'));
  await untilGauge(house.adapter, 0, 'pending_clients');
  return visitor;
}

/** A client that reads nothing of what the gateway has for it. */
async function stalled(door: DoorName, house: Building) {
  const visitor = await connected(door, house);
  visitor.pause();
  const post = Buffer.alloc(60_000).fill(Buffer.from('d000', 'hex')).toString('base64');
  for (let sent = 0; sent < 30_000_000; sent += 60_000) house.gateway.sockets[0]!.send(post);
  const taken = () => gauge(house.adapter, 'bytes_total.direction="down".');
  for (let before = -1; before !== (await taken()); await pause(100)) before = await taken();
  return visitor;
}

interface Phase {
  readonly phase: string;
  readonly doors: readonly DoorName[];
  /** Milliseconds until the adapter ends it by itself. */
  readonly timeOut: number;
  /** Whether the adapter does not read the client. */
  readonly isStalled?: boolean;
  readonly gateway?: () => Promise<Gateway>;
  readonly options?: Partial<AdapterOptions>;
  enter(door: DoorName, house: Building): Promise<Socket>;
}

const behindTls: readonly DoorName[] = ['tls', 'wss'];
const overHttp: readonly DoorName[] = ['ws', 'wss'];

const phases: readonly Phase[] = [
  { phase: 'a socket without a byte', doors, timeOut: 10_001, enter: (door, { adapter }) => knock(door, adapter) },
  {
    phase: 'half a handshake of TLS',
    doors: behindTls,
    timeOut: 10_001,
    async enter(door, { adapter }) {
      const socket = await knock(door, adapter);
      socket.write(Buffer.from('16030100c8010000c40303', 'hex'));
      return socket;
    },
  },
  {
    phase: 'half a handshake of WebSocket',
    doors: overHttp,
    timeOut: 10_001,
    async enter(door, { adapter }) {
      const { socket, top } = await knockThroughTls(door, adapter);
      top.write('GET /mqtt HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgr');
      return socket;
    },
  },
  {
    phase: 'half a CONNECT',
    doors,
    timeOut: 10_001,
    async enter(door, { adapter }) {
      const { socket, send } = await enter(door, adapter);
      send(hello.subarray(0, 5));
      await until(() => adapter.lines.some((line) => line.startsWith('#1 opened')));
      return socket;
    },
  },
  {
    phase: 'a dial that waits for its turn',
    doors,
    timeOut: 30_001,
    gateway: deafGateway,
    options: { connectRate: 1 },
    enter: queue,
  },
  {
    phase: 'a handshake with the gateway',
    doors,
    timeOut: 30_001,
    gateway: deafGateway,
    enter: async (door, house) => (await greet(door, house)).socket,
  },
  {
    phase: 'an open connection to the gateway, without CONNACK',
    doors,
    timeOut: 7_060_001,
    enter: async (door, house) => (await joined(door, house)).socket,
  },
  {
    phase: 'a connection',
    doors,
    timeOut: 7_060_001,
    enter: async (door, house) => (await connected(door, house)).socket,
  },
  {
    phase: 'a connection whose client reads nothing',
    doors,
    timeOut: 300_001,
    isStalled: true,
    enter: async (door, house) => (await stalled(door, house)).socket,
  },
  {
    phase: 'a connection that the client has closed half, reading nothing',
    doors: ['tcp', 'unix'],
    timeOut: 5_001,
    async enter(door, house) {
      const { socket } = await stalled(door, house);
      socket.end();
      await until(() => house.adapter.lines.includes('#1 closed: client left'));
      return socket;
    },
  },
  {
    phase: 'a connection that the adapter has closed',
    doors,
    timeOut: 5_001,
    async enter(door, house) {
      const { socket, send, pause: stop } = await joined(door, house);
      stop();
      send(Buffer.from('30ffffffff', 'hex'));
      await until(() => house.adapter.lines.some((line) => line.startsWith('#1 closed')));
      return socket;
    },
  },
];

const each = phases.flatMap((phase) => phase.doors.map((door) => ({ ...phase, door })));

describe.each(each)(
  '$phase over $door',
  ({ door, timeOut, isStalled, gateway = quietGateway, options, enter: begin }) => {
    async function inPhase() {
      const house = await building(await gateway(), options);
      const socket = await begin(door, house);
      return { ...house, socket };
    }

    /** Lets so much time go by, and whatever falls due meanwhile happen. */
    async function elapse(clock: LocalClock, milliseconds: number) {
      for (let left = milliseconds; left > 0; left -= 1_000_000) {
        clock.jump(Math.min(left, 1_000_000));
        await pause(5);
      }
    }

    async function untilEmpty({ adapter, clock }: Building) {
      for (const name of ['clients', 'pending_clients', 'dials_waiting']) {
        for (; (await gauge(adapter, name)) !== 0; await pause(5)) clock.jump(1_000);
      }
    }

    it('leaves no place behind when its client dies', async () => {
      const { socket, ...house } = await inPhase();

      if (door === 'unix') socket.destroy();
      else socket.resetAndDestroy();

      // A side that is not read is found dead when its time is over.
      if (isStalled) await elapse(house.clock, timeOut);
      await untilEmpty(house);
    });

    it('leaves no place behind when its time is over', async () => {
      const house = await inPhase();

      await elapse(house.clock, timeOut);

      await untilEmpty(house);
    });

    it('leaves no place behind when the gateway dies', async () => {
      const house = await inPhase();

      house.gateway.die();
      await elapse(house.clock, timeOut);

      await untilEmpty(house);
    });
  },
);

describe('the sockets of the monitor', () => {
  it.each([
    ['without a byte', ''],
    ['with half a request', 'GET /metrics HTTP/1.1\r\nHo'],
    ['with a request whose body never ends', 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n'],
  ])('%s are closed when their time is over', async (_what, bytes) => {
    const { adapter, clock } = await building(await quietGateway());
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

  it('do not keep the health from anybody, however many they are', async () => {
    const { adapter, clock } = await building(await quietGateway());
    for (let n = 0; n < 64; n++)
      await once(
        connect(adapter.healthPort!, '127.0.0.1').on('error', () => {}),
        'connect',
      );
    clock.jump(1_001);

    expect((await fetch(`http://127.0.0.1:${adapter.healthPort}/healthz`)).status).toBe(200);
    expect(await gauge(adapter)).toBe(0);
  });

  it('show the health alone where only that is asked for', async () => {
    const { adapter } = await building(await quietGateway());

    expect((await fetch(`http://127.0.0.1:${adapter.healthPort}/metrics`)).status).toBe(404);
  });
});

describe('places that are all taken', () => {
  it.each(doors)('are taken by a newcomer over %s from a socket that was silent for a second', async (door) => {
    const house = await building(await quietGateway(), { maxClients: 3 });
    const silent = await Promise.all([1, 2, 3].map(() => knock(door, house.adapter)));
    const ended = Promise.race(silent.map((socket) => once(socket.resume(), 'end')));
    await untilGauge(house.adapter, 3);
    house.clock.jump(1_001);

    (await enter('tcp', house.adapter)).send(hello);

    await until(() => house.gateway.sockets.length === 1);
    await ended;
    expect(await gauge(house.adapter)).toBe(3);
  });

  it('are kept by who is connected, and by who has just come', async () => {
    const house = await building(await quietGateway(), { maxClients: 2 });
    await connected('tcp', house);
    await knock('tcp', house.adapter);
    await untilGauge(house.adapter, 2);

    const late = await knock('tcp', house.adapter);

    await once(late.resume(), 'end');
    expect(house.adapter.lines.at(-1)).toMatch(/^#3 refused 127\.0\.0\.1:\d+: there are 2 clients already$/);
  });

  it('are taken from a client whose CONNECT the broker did not accept within five seconds', async () => {
    const house = await building(await quietGateway(), { maxClients: 1 });
    await joined('tcp', house);
    house.clock.jump(5_001);

    const second = await enter('tcp', house.adapter);
    second.send(hello);

    await until(() => house.adapter.lines.includes('#2 connects as "a"'));
    expect(house.adapter.ends).toContain('gave_way');
  });
});

describe('places of one address', () => {
  it('are as many as it may have, and others get theirs', async () => {
    const { adapter } = await building(await quietGateway(), { maxClientsPerAddress: 2 });
    for (let n = 0; n < 2; n++) await knock('tcp', adapter, '127.0.0.2');
    await untilGauge(adapter, 2);

    const third = await knock('ws', adapter, '127.0.0.2');
    await once(third.resume(), 'end');

    expect(adapter.lines.at(-1)).toMatch(
      /refused 127\.0\.0\.2:\d+: its address has as many connections as one may have$/,
    );
    for (const door of ['tcp', 'wss'] as const) await enter(door, adapter, '127.0.0.3');
    await untilGauge(adapter, 4);
  });

  const socket = (remoteAddress: string) =>
    ({ remoteAddress, remotePort: 1, once: () => {}, destroy: () => {} }) as never;

  it('are a quarter of all unless told, and all on the loopback', () => {
    const clock = new LocalClock();
    const places = new ConnectionLimit({ ...connectionLimits({ maxClients: 8 }), clock });
    const taken = (address: string) => Array.from({ length: 3 }, () => typeof places.acquire(socket(address)));

    expect(taken('192.0.2.1')).toEqual(['object', 'object', 'string']);
    expect(taken('::ffff:192.0.2.1')).toEqual(['string', 'string', 'string']);
    expect(taken('127.0.0.1')).toEqual(['object', 'object', 'object']);
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
  ])('are those of a network of IPv6: %s is in %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

describe('the place of a client that has left', () => {
  it('is kept while what it sent before waits for the gateway', async () => {
    const house = await building(await deafGateway());
    const { top } = await knockThroughTls('ws', house.adapter);
    const socket = new WebSocket('ws://127.0.0.1/mqtt', 'mqtt', { createConnection: () => top });
    await once(socket, 'open');
    const publish = Buffer.concat([Buffer.from('30e507000161', 'hex'), Buffer.alloc(994)]);

    top.cork(); // all of it in one segment
    socket.send(hello);
    for (let n = 0; n < 30; n++) socket.send(publish);
    socket.close();
    top.uncork();
    await once(socket, 'close');

    expect(await gauge(house.adapter)).toBe(1);
    house.clock.jump(30_001);
    await until(() => house.adapter.lines.some((line) => line.startsWith('#1 closed')));
    house.clock.jump(5_001);
    await untilGauge(house.adapter, 0);
  });
});

describe('what a client may make the adapter keep before it is connected', () => {
  it.each([
    ['before CONNECT', 40_000, false],
    ['before CONNACK', 140_000, true],
  ])('is little %s', async (_when, bytes, isGreeted) => {
    const { adapter } = await building(await quietGateway());
    const { top } = await knockThroughTls('ws', adapter);
    const socket = new WebSocket('ws://127.0.0.1/mqtt', 'mqtt', { createConnection: () => top });
    endings.push(() => socket.terminate());
    socket.on('error', () => {});
    await once(socket, 'open');
    if (isGreeted) socket.send(hello);

    socket.send(Buffer.alloc(bytes), { fin: false });

    await once(socket, 'close');
    await untilGauge(adapter, 0);
  });

  it('is no answer for each of any number of packets that are too large', async () => {
    const house = await building(await quietGateway());
    const visitor = await greet('tcp', house, hello5);
    const oversized = Buffer.concat([Buffer.from('32fdff050001610001', 'hex'), Buffer.alloc(98_296)]);

    for (let n = 0; n < 17; n++) visitor.send(oversized);

    await until(() => house.adapter.lines.at(-1) === '#1 closed: more than 16 packets over the limit before CONNACK');
  });

  it('is a megabyte once it is connected', async () => {
    const house = await building(await quietGateway());
    const visitor = await connected('ws', house);
    const publish = Buffer.concat([Buffer.from('30e507000161', 'hex'), Buffer.alloc(994)]);

    visitor.send(Buffer.alloc(1_000_000).fill(publish));

    await until(() => bytesOf(house.gateway).length === hello.length + 1_000_000);
  });
});

describe('a listener without TLS', () => {
  it.each([
    [{ listen: { host: '0.0.0.0', port: 0 } }, 'MQTT without TLS listens at 0.0.0.0'],
    [{ listenWebSocket: { host: '::', port: 0 } }, 'MQTT over WebSocket without TLS listens at ::'],
  ])('beyond the loopback is warned of, %#', async (options, warning) => {
    const { adapter } = await building(await quietGateway(), options);

    expect(adapter.lines.filter((line) => line.includes('in the clear'))).toEqual([expect.stringContaining(warning)]);
  });

  it('on the loopback is not', async () => {
    const { adapter } = await building(await quietGateway(), { listenTls: { host: '0.0.0.0', port: 0 } });

    expect(adapter.lines).toEqual([]);
  });
});
