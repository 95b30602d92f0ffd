import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { importsOf } from './support/imports-of';

const root = join(__dirname, '..');

/**
 * The floors of the broker, from the top down. A room imports rooms of lower floors, never one beside or above it. Types
 * count as imports.
 */
const floors: readonly (readonly string[])[] = [
  ['turn'],
  ['connect'],
  ['admin', 'session'],
  ['publishing'],
  ['delivery'],
  ['outbound'],
  ['observability', 'expiry'],
  ['topic-index'],
  ['ports'],
  ['model'],
];

/** Rooms outside the broker, and packages, that each room of the broker imports. */
const outside: Readonly<Record<string, readonly string[]>> = {
  turn: ['lambdas/protocol', 'lambdas/settings', 'lambdas/shared', 'lambdas/access/identity', 'node:timers/promises'],
  connect: [
    'lambdas/protocol',
    'lambdas/settings',
    'lambdas/shared',
    'lambdas/access/authentication-method',
    'lambdas/access/identity',
  ],
  admin: ['lambdas/protocol', 'lambdas/settings', 'lambdas/shared'],
  session: ['lambdas/protocol', 'lambdas/settings', 'lambdas/shared', 'lambdas/access/identity'],
  publishing: ['lambdas/protocol', 'lambdas/settings', 'lambdas/shared', 'node:crypto', 'node:timers/promises'],
  delivery: ['lambdas/protocol', 'lambdas/settings', 'lambdas/shared'],
  outbound: ['lambdas/protocol', 'lambdas/settings', 'lambdas/shared'],
  observability: ['lambdas/protocol'],
  expiry: ['lambdas/shared'],
  'topic-index': ['lambdas/protocol', 'lambdas/settings', 'lambdas/shared', 'lambdas/access/identity', 'node:crypto'],
  ports: ['lambdas/protocol', 'lambdas/access/access', 'lambdas/access/identity'],
  model: ['lambdas/protocol', 'lambdas/access/identity'],
};

const brokerRooms = Object.fromEntries(
  floors.flatMap((rooms, floor) => {
    const below = floors.slice(floor + 1).flat();
    return rooms.map((room) => [
      `lambdas/broker/${room}`,
      [...below.map((lower) => `lambdas/broker/${lower}`), ...(outside[room] ?? [])],
    ]);
  }),
);

/**
 * The arrows of docs/architecture.md. A room is a folder or a file; it may import itself and what is listed: another
 * room, a single file of one, or a package. A file belongs to the longest room that fits.
 */
const mayImport: Record<string, readonly (string | RegExp)[]> = {
  'lambdas/protocol': ['node:buffer'],
  // Who a client is and what it may do: decisions, and nothing of connections and sessions.
  'lambdas/access': ['lambdas/protocol', 'lambdas/shared', 'node:crypto', 'node:util', 'node:zlib', 'jose'],
  // What only programs on an operator's machine do: a Lambda has no files of its own.
  'lambdas/access/access-file': ['lambdas/access', 'lambdas/shared/json-file'],
  ...brokerRooms,
  // What every room of the Lambda functions may use: no knowledge of MQTT or AWS.
  'lambdas/shared': ['node:timers/promises'],
  // Files of an operator's machine.
  'lambdas/shared/json-file': ['lambdas/shared', 'node:fs'],
  // What crosses to AWS IoT Core and back, under which topic: decisions, and nothing of how it gets there.
  'lambdas/bridge': ['lambdas/broker/model', 'lambdas/broker/ports', 'lambdas/protocol', 'lambdas/shared', 'node:zlib'],
  'lambdas/bridge/bridge-file': ['lambdas/bridge', 'lambdas/shared/json-file'],
  // Clients of AWS services: what the broker needs of them, and two implementations. They know nothing of MQTT.
  'lambdas/aws': ['lambdas/shared', '@aws-sdk/client-dynamodb', 'node:timers/promises'],
  'lambdas/aws/lean': ['lambdas/aws', '@aws-sdk/client-dynamodb', 'node:crypto', 'node:http', 'node:https'],
  'lambdas/aws/sdk': [
    'lambdas/aws',
    /^@aws-sdk\/client-(apigatewaymanagementapi|apigatewayv2|dynamodb|eventbridge|sqs)$/,
  ],
  'lambdas/storage': [
    'lambdas/storage/schema',
    'lambdas/access/accounts',
    'lambdas/access/logins',
    'lambdas/access/rule',
    'lambdas/aws',
    'lambdas/broker/expiry/deadlines',
    'lambdas/broker/model',
    'lambdas/broker/ports',
    'lambdas/shared',
    'lambdas/access/identity',
    'lambdas/protocol',
    '@aws-sdk/client-dynamodb',
    'node:crypto',
    'node:timers/promises',
  ],
  'lambdas/storage/schema': [],
  'lambdas/transport': [
    'lambdas/api/api-request',
    'lambdas/aws',
    'lambdas/bridge',
    'lambdas/shared/parallel',
    'lambdas/broker/connect/handshake',
    'lambdas/broker/model',
    'lambdas/broker/ports',
    'lambdas/shared',
    'lambdas/events',
    'lambdas/protocol',
    'lambdas/deployment',
    '@aws-sdk/client-iot-data-plane',
    'aws-lambda',
    'node:crypto',
  ],
  // The HTTP API: requests to what the broker does, and its own description.
  'lambdas/api': [
    'lambdas/broker/admin',
    'lambdas/broker/expiry/expired-session',
    'lambdas/broker/model',
    'lambdas/broker/ports',
    'lambdas/protocol',
    'lambdas/settings',
    'node:buffer',
    'node:crypto',
    'valibot',
  ],
  // Its description in OpenAPI, which no function needs.
  'lambdas/api/openapi': ['lambdas/api', '@valibot/to-json-schema', 'valibot'],
  // What is told to EventBridge: how an operator says it.
  'lambdas/events': ['lambdas/protocol', 'lambdas/shared'],
  'lambdas/events/events-file': ['lambdas/events', 'lambdas/shared/json-file'],
  // Numbers for whoever runs the broker.
  'lambdas/telemetry': ['lambdas/broker/ports/metrics', 'lambdas/telemetry/catalogue'],
  'lambdas/telemetry/catalogue': ['lambdas/broker/ports/metrics'],
  'lambdas/prices': [],
  'lambdas/settings': ['lambdas/protocol/disallowed-characters', 'lambdas/protocol/limits'],
  'lambdas/deployment': ['lambdas/storage/schema'],
  // The ports of a function, from its environment: each function gets what it uses.
  'lambdas/wiring': [
    'lambdas/access',
    'lambdas/api/api',
    'lambdas/aws',
    'lambdas/aws/lean',
    'lambdas/aws/sdk',
    'lambdas/bridge',
    'lambdas/broker/admin/leftovers',
    'lambdas/broker/connect/handshake',
    'lambdas/broker/model',
    'lambdas/broker/observability/debug-clients',
    'lambdas/broker/ports',
    'lambdas/protocol',
    'lambdas/storage',
    'lambdas/storage/schema',
    'lambdas/events',
    'lambdas/telemetry',
    'lambdas/transport',
    'lambdas/settings',
    'lambdas/deployment',
    /^@aws-sdk\/client-/,
  ],
  // The entry points: wiring only.
  lambdas: [
    'lambdas/access',
    'lambdas/bridge',
    'lambdas/api',
    'lambdas/broker/admin',
    'lambdas/broker/connect/handshake',
    'lambdas/broker/expiry',
    'lambdas/broker/topic-index/check-shapes',
    'lambdas/broker/ports',
    'lambdas/broker/turn',
    'lambdas/deployment',
    'lambdas/transport',
    'lambdas/wiring',
    'lambdas/settings',
    'package.json',
    'aws-lambda',
    'node:crypto',
  ],
  lib: [
    'console/build',
    'console/config',
    'console/security-headers',
    'lambdas/access/access-file',
    'lambdas/api/operations',
    'lambdas/access/read-access',
    'lambdas/bridge',
    'lambdas/bridge/bridge-file',
    'lambdas/events',
    'lambdas/events/events-file',
    'lambdas/deployment',
    'lambdas/prices',
    'lambdas/settings',
    'lambdas/storage/schema',
    'lambdas/telemetry/catalogue',
    /^aws-cdk-lib/,
    'constructs',
    'node:path',
  ],
  // The construct as others have it. Nothing of the project imports it: inside, things come from where they are.
  'lib/index': [
    'lib',
    'lambdas/api/operations',
    'lambdas/deployment',
    'lambdas/storage/schema',
    'lambdas/telemetry/catalogue',
  ],
  // Imitates AWS for whatever is deployed: it knows the description of the deployment, but nothing of MQTT.
  local: [
    'clients/web-access',
    'console/config',
    'console/security-headers',
    'lambdas/api/operations',
    'lambdas/access/access-config',
    'lambdas/access/access-file',
    'lambdas/access/read-access',
    'lambdas/bridge/bridge-config',
    'lambdas/bridge/bridge-file',
    'lambdas/bridge/read-bridge',
    'lambdas/bridge/topic-rules',
    'lambdas/events',
    'lambdas/events/events-file',
    'lambdas/deployment',
    'lambdas/prices',
    'lambdas/settings',
    'lambdas/storage/schema',
    'aedes',
    'aws-lambda',
    'dynalite',
    'esbuild',
    'ws',
    /^node:/,
    '(computed)', // the bundle of a function, as Lambda loads it
  ],
  // The page: what it knows and does, and how that looks. It runs in browsers.
  console: ['clients', 'console/config', 'console/model', 'preact', 'preact/hooks'],
  'console/model': ['clients', 'console/config', 'lambdas/protocol', 'mqtt'],
  'console/config': [],
  'console/security-headers': [],
  // How it is built, by whoever serves it.
  'console/build': [/^node:/],
  // Shims, adapter and the client of the API. Of `lambdas/protocol` the shims use what runs in browsers, without Buffer.
  clients: ['lambdas/protocol', 'lambdas/shared', '@smithy/signature-v4', 'mqtt', 'ws', /^node:/],
  // The program cirrus-mqtt: what its commands share, a file per command, and the list of them.
  cli: ['clients', 'lambdas/protocol', 'mqtt', /^node:/],
  'cli/command-list': ['cli', 'cli/commands'],
  'cli/commands': [
    'cli',
    'cli/admin',
    'cli/bench',
    'cli/doctor',
    'cli/pricing',
    'clients',
    'lambdas/access',
    'lambdas/access/access-file',
    'lambdas/bridge',
    'lambdas/bridge/bridge-file',
    'lambdas/protocol',
    'lambdas/storage/debug-clients',
    'console/build',
    'local',
    'mqtt',
    '@aws-sdk/client-sqs',
    /^node:/,
  ],
  // What an operator does by hand: to the tables of a broker, past its Lambdas.
  'cli/admin': [
    'cli',
    'clients/api',
    'lambdas/access',
    'lambdas/access/access-file',
    'lambdas/protocol',
    'lambdas/bridge',
    'lambdas/bridge/bridge-file',
    'lambdas/storage/account-directory',
    'lambdas/storage/retained-store',
    'lambdas/storage/debug-clients',
    'lambdas/transport/bridge-queue',
    'lambdas/aws/sqs',
    'lambdas/broker/ports',
    /^@aws-sdk\/client-(dynamodb|iot-data-plane|sqs)$/,
    /^node:/,
  ],
  // Load on a broker, and an examination of its address.
  'cli/bench': ['cli', 'cli/pricing', 'clients', 'mqtt', 'mqtt-packet', 'ws', /^node:/],
  'cli/doctor': ['cli', 'cli/pricing', 'clients', 'mqtt', 'mqtt-packet', 'ws', /^node:/],
  // What a fleet costs in a month: arithmetic on prices and on units that tests hold to the local bill.
  'cli/pricing': ['lambdas/deployment', 'lambdas/prices', 'lambdas/protocol'],
  // What a user may copy: of the project it has the shim and the client of the API, and nothing else.
  examples: ['examples/factory/dashboard-server', 'clients/api', 'clients/mqttjs', 'mqtt', /^node:/],
  'examples/factory/dashboard-server': ['esbuild', /^node:/],
  // It runs in browsers.
  'examples/factory/page': ['clients/mqttjs', 'mqtt'],
  bin: [
    'aws-cdk-lib',
    'cdk-nag',
    'console/build',
    'lambdas/api/openapi',
    'package.json',
    'node:events',
    'node:fs',
    'node:path',
    /^lib\//,
    /^local\//,
    /^cli\//,
  ],
  bench: [
    'clients',
    'lib',
    'local',
    'lambdas/deployment',
    'lambdas/protocol',
    'lambdas/telemetry',
    'lambdas/settings',
    /^test\/support\//,
    'aedes',
    'esbuild',
    'mqtt',
    'mqtt-packet',
    'ws',
    /^node:/,
  ],
};

const rooms = Object.keys(mayImport).sort((one, other) => other.length - one.length);

/** The room of a file, named without its ending. */
function roomOf(file: string): string | undefined {
  return rooms.find((room) => file === room || file.startsWith(`${room}/`));
}

/** What a source in this file imports and must not. */
function forbiddenImports(file: string, source: string, tsx = false): string[] {
  const room = roomOf(file);
  if (room === undefined) return ['(a file outside every room)'];
  const targets = importsOf(source, tsx).map((name) => (name.startsWith('.') ? join(dirname(file), name) : name));
  return targets.filter((target) => !isAllowed(room, target));
}

function isAllowed(room: string, target: string): boolean {
  const targetRoom = roomOf(target) ?? target;
  if (targetRoom === room) return true;
  return (mayImport[room] ?? []).some((allowed) =>
    typeof allowed === 'string' ? allowed === target || allowed === targetRoom : allowed.test(target),
  );
}

function existsInRoot(folder: string): boolean {
  return existsSync(join(root, folder));
}

function sourceFiles(): string[] {
  const folders = new Set(rooms.map((room) => room.split('/')[0] ?? room));
  return [...folders].filter(existsInRoot).flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
      .map((entry) => relative(root, join(entry.parentPath, entry.name))),
  );
}

/** The entry of the package, which says what of it others may use. */
const publicEntry = 'lib/index.ts';

/** Whether a source does nothing but hand on what others export. */
function isBarrel(source: string): boolean {
  const code = source.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
  return code.replace(/export (type )?(\*( as \w+)?|\{[^}]*\}) from '[^']*';/g, '').trim() === '';
}

describe('a file that only re-exports', () => {
  it('is the entry of the package, and no other', () => {
    const barrels = sourceFiles().filter((file) => isBarrel(readFileSync(join(root, file), 'utf8')));

    expect(barrels).toEqual([publicEntry]);
  });
});

describe('what the broker and its stores do side by side', () => {
  it('has come to its end when a turn fails: `together` of shared/parallel.ts waits for it, `Promise.all` does not', () => {
    const rooms = /^lambdas\/(broker|storage)\//;
    const hasty = sourceFiles().filter(
      (file) =>
        rooms.test(file) &&
        file !== 'lambdas/shared/parallel.ts' &&
        readFileSync(join(root, file), 'utf8').includes('Promise.all('),
    );

    expect(hasty).toEqual([]);
  });
});

describe('the arrows between rooms', () => {
  it('hold in every file', () => {
    const violations = sourceFiles().flatMap((file) =>
      forbiddenImports(file.replace(/\.tsx?$/, ''), readFileSync(join(root, file), 'utf8'), file.endsWith('x')).map(
        (target) => `${file} imports ${target}`,
      ),
    );

    expect(violations).toEqual([]);
  });

  it.each([
    ['lambdas/protocol/planted', "import { tables } from '../storage/schema';", 'lambdas/storage/schema'],
    ['lambdas/protocol/packets/planted', "import { setTimeout } from 'node:timers';", 'node:timers'],
    [
      'lambdas/broker/model/planted',
      "import type { AttributeValue } from '@aws-sdk/client-dynamodb';",
      '@aws-sdk/client-dynamodb',
    ],
    ['lambdas/broker/turn/planted', "export { DynamoLookup } from '../../storage/lookup';", 'lambdas/storage/lookup'],
    [
      'lambdas/broker/outbound/planted',
      "import { Publisher } from '../publishing/publisher';",
      'lambdas/broker/publishing/publisher',
    ],
    ['lambdas/broker/session/planted', "import type { Turn } from '../turn/turn';", 'lambdas/broker/turn/turn'],
    [
      'lambdas/broker/expiry/planted',
      "import type { PacketLog } from '../observability/packet-log';",
      'lambdas/broker/observability/packet-log',
    ],
    ['lambdas/storage/planted', "import { Turn } from '../broker/turn/turn';", 'lambdas/broker/turn/turn'],
    ['lambdas/storage/schema', "import { createHash } from 'node:crypto';", 'node:crypto'],
    ['lambdas/aws/planted', "import type { Ports } from '../broker/ports/ports';", 'lambdas/broker/ports/ports'],
    ['lambdas/on-planted', "import { DynamoLookup } from './storage/lookup';", 'lambdas/storage/lookup'],
    ['lib/planted', "const { Broker } = await import('../lambdas/broker/turn/broker');", 'lambdas/broker/turn/broker'],
    ['local/planted', "const codec = require('../lambdas/protocol/codec');", 'lambdas/protocol/codec'],
    ['local/gateway/planted', "let turn: import('../../lambdas/broker/turn/turn').Turn;", 'lambdas/broker/turn/turn'],
    ['console/view/planted', "import mqtt from 'mqtt';", 'mqtt'],
    ['console/model/planted', "import { render } from 'preact';", 'preact'],
    ['cli/pricing/planted', "import { startCloud } from '../../local/cloud';", 'local/cloud'],
    ['clients/planted', "import { DynamoLookup } from '../lambdas/storage/lookup';", 'lambdas/storage/lookup'],
    ['examples/planted', "import { startCloud } from '../local/cloud';", 'local/cloud'],
    ['bin/planted', "export * from '../lambdas/settings';", 'lambdas/settings'],
    ['lambdas/broker/turn/planted', 'const which = require(name);', '(computed)'],
  ])('do not allow %s to say %s', (file, source, target) => {
    expect(forbiddenImports(file, source)).toEqual([target]);
  });

  it('allow a room what is listed for it, and itself', () => {
    const source = "import { parseFrame } from '../../protocol/frames'; import type { Outbox } from './outbox';";

    expect(forbiddenImports('lambdas/broker/outbound/planted', source)).toEqual([]);
  });
});

/** The project's files that each file imports, types included. */
function importGraph(): Map<string, string[]> {
  const files = new Set(sourceFiles().filter((file) => !file.endsWith('.d.ts')));
  const fileOf = (path: string) => [`${path}.ts`, `${path}.tsx`, path].find((candidate) => files.has(candidate));
  return new Map(
    [...files].map((file) => {
      const names = importsOf(readFileSync(join(root, file), 'utf8'), file.endsWith('x'));
      const targets = names.filter((name) => name.startsWith('.')).map((name) => fileOf(join(dirname(file), name)));
      return [file, targets.filter((target) => target !== undefined)];
    }),
  );
}

/** A way through the imports that returns to where it began; undefined when there is none. */
function circleIn(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  function walk(file: string, path: readonly string[]): string[] | undefined {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const target of graph.get(file) ?? []) {
      const circle = walk(target, [...path, file]);
      if (circle) return circle;
    }
    done.add(file);
    return undefined;
  }
  for (const file of graph.keys()) {
    const circle = walk(file, []);
    if (circle) return circle;
  }
  return undefined;
}

describe('the imports of files', () => {
  it('form no circle', () => {
    expect(circleIn(importGraph())).toBeUndefined();
  });

  it('would show a circle', () => {
    const graph = new Map([
      ['a', ['b']],
      ['b', ['c']],
      ['c', ['b']],
    ]);

    expect(circleIn(graph)).toEqual(['b', 'c', 'b']);
  });
});
