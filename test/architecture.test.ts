import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { importsOf } from './support/imports-of';

const root = join(__dirname, '..');

/**
 * The arrows of docs/architecture.md. A room is a folder or a file; it may import itself and what is listed: another
 * room, a single file of one, or a package. A file belongs to the longest room that fits.
 */
const mayImport: Record<string, readonly (string | RegExp)[]> = {
  'lambdas/protocol': ['node:buffer'],
  // Who a client is and what it may do: decisions, and nothing of connections and sessions.
  'lambdas/access': ['lambdas/protocol', 'node:crypto', 'node:util', 'node:zlib', 'jose'],
  // What only programs on an operator's machine do: a Lambda has no files of its own.
  'lambdas/access/access-file': ['lambdas/access', 'node:fs'],
  'lambdas/broker': [
    'lambdas/protocol',
    'lambdas/access/access',
    'lambdas/access/authentication-method',
    'lambdas/access/identity',
    'lambdas/settings',
    'node:crypto',
    'node:timers/promises',
  ],
  // What crosses to AWS IoT Core and back, under which topic: decisions, and nothing of how it gets there.
  'lambdas/bridge': ['lambdas/access/checked-json', 'lambdas/broker/ports/ports', 'lambdas/protocol', 'node:zlib'],
  'lambdas/bridge/bridge-file': ['lambdas/access/checked-json', 'lambdas/bridge', 'node:fs'],
  // Calls of AWS, signed and sent without the SDK: it knows nothing of what they are for.
  'lambdas/aws': ['node:crypto', 'node:http', 'node:https', 'node:timers/promises'],
  'lambdas/aws/lean-dynamodb': ['lambdas/aws', '@aws-sdk/client-dynamodb'],
  'lambdas/storage': [
    'lambdas/storage/schema',
    'lambdas/access/accounts',
    'lambdas/access/logins',
    'lambdas/access/rule',
    'lambdas/aws',
    'lambdas/aws/lean-dynamodb',
    'lambdas/broker/ports/ports',
    'lambdas/broker/model/records',
    'lambdas/broker/model/publish-allowance',
    'lambdas/broker/model/control-allowance',
    'lambdas/broker/expiry/deadlines',
    'lambdas/broker/ports/directories',
    'lambdas/shared/parallel',
    'lambdas/broker/model/queue-slots',
    'lambdas/broker/observability/debug-clients',
    'lambdas/access/identity',
    'lambdas/protocol',
    '@aws-sdk/client-dynamodb',
    'node:crypto',
    'node:timers/promises',
  ],
  'lambdas/storage/schema': [],
  'lambdas/transport': [
    'lambdas/api/api',
    'lambdas/aws',
    'lambdas/bridge',
    'lambdas/shared/parallel',
    'lambdas/broker/ports/ports',
    'lambdas/broker/model/records',
    'lambdas/broker/connect/handshake',
    'lambdas/broker/turn/frame-order',
    'lambdas/broker/observability/lifecycle-events',
    'lambdas/events',
    'lambdas/protocol',
    'lambdas/deployment',
    '@aws-sdk/client-apigatewaymanagementapi',
    '@aws-sdk/client-iot-data-plane',
    'aws-lambda',
    'node:crypto',
  ],
  // The HTTP API: requests to what the broker does, and its own description.
  'lambdas/api': ['lambdas/broker', 'lambdas/protocol', 'lambdas/settings', 'node:buffer', 'node:crypto'],
  // What is told to EventBridge: how an operator says it.
  'lambdas/events': ['lambdas/access/checked-json', 'lambdas/protocol'],
  'lambdas/events/events-file': ['lambdas/access/checked-json', 'lambdas/events', 'node:fs'],
  // Numbers for whoever runs the broker.
  'lambdas/telemetry': ['lambdas/broker/observability/metrics', 'lambdas/telemetry/catalogue'],
  'lambdas/telemetry/catalogue': ['lambdas/broker/observability/metrics'],
  'lambdas/prices': [],
  'lambdas/settings': ['lambdas/protocol/clean-text', 'lambdas/protocol/limits'],
  'lambdas/deployment': ['lambdas/storage/schema'],
  // The ports of a function, from its environment: each function gets what it uses.
  'lambdas/wiring': [
    'lambdas/access',
    'lambdas/api/api',
    'lambdas/aws',
    'lambdas/aws/lean-dynamodb',
    'lambdas/bridge',
    'lambdas/broker/ports/directories',
    'lambdas/broker/observability/lifecycle-events',
    'lambdas/broker/connect/handshake',
    'lambdas/broker/admin/leftovers',
    'lambdas/broker/observability/metrics',
    'lambdas/broker/ports/ports',
    'lambdas/broker/observability/debug-clients',
    'lambdas/protocol',
    'lambdas/storage',
    'lambdas/storage/schema',
    'lambdas/events',
    'lambdas/telemetry',
    'lambdas/transport',
    'lambdas/settings',
    'lambdas/deployment',
    /^@aws-sdk\/client-(apigatewaymanagementapi|dynamodb|iot-data-plane)$/,
  ],
  // The entry points: wiring only.
  lambdas: [
    'lambdas/access',
    'lambdas/bridge',
    'lambdas/api',
    'lambdas/broker',
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
    'lambdas/bridge/rules',
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
  'console/model': ['clients', 'console/config', 'mqtt'],
  'console/config': [],
  'console/security-headers': [],
  // How it is built, by whoever serves it.
  'console/build': [/^node:/],
  clients: ['@smithy/signature-v4', 'mqtt', 'ws', /^node:/],
  // What a fleet costs in a month: arithmetic on prices and on units that tests hold to the local bill.
  pricing: ['lambdas/deployment', 'lambdas/prices', 'lambdas/protocol'],
  // What an operator does by hand: to the tables of a broker, past its Lambdas.
  admin: [
    'clients/api',
    'cli/command',
    'cli/options',
    'cli/progress',
    'pricing',
    'lambdas/access',
    'lambdas/access/access-file',
    'lambdas/protocol',
    'lambdas/bridge',
    'lambdas/bridge/bridge-file',
    'lambdas/storage/account-directory',
    'lambdas/storage/retained',
    'lambdas/storage/watch-list',
    'lambdas/transport/bridge-queue',
    'lambdas/aws/lean-sqs',
    'lambdas/broker/ports/ports',
    /^@aws-sdk\/client-(dynamodb|iot-data-plane|sqs)$/,
    /^node:/,
  ],
  // What a broker does, looked at from outside: load on it, and an examination of its address.
  probes: ['clients', 'pricing', 'mqtt', 'mqtt-packet', 'ws', /^node:/],
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
    /^clients\//,
    /^admin\//,
    /^probes\//,
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
  it('has come to its end when a turn fails: `together` of parallel.ts waits for it, `Promise.all` does not', () => {
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
      'lambdas/broker/planted',
      "import type { AttributeValue } from '@aws-sdk/client-dynamodb';",
      '@aws-sdk/client-dynamodb',
    ],
    ['lambdas/broker/planted', "export { DynamoLookup } from '../storage/lookup';", 'lambdas/storage/lookup'],
    ['lambdas/storage/planted', "import { Turn } from '../broker/turn';", 'lambdas/broker/turn/turn'],
    ['lambdas/storage/schema', "import { createHash } from 'node:crypto';", 'node:crypto'],
    ['lambdas/aws/planted', "import type { Ports } from '../broker/ports';", 'lambdas/broker/ports/ports'],
    ['lambdas/on-planted', "import { DynamoLookup } from './storage/lookup';", 'lambdas/storage/lookup'],
    ['lib/planted', "const { Broker } = await import('../lambdas/broker/turn/broker');", 'lambdas/broker/turn/broker'],
    ['local/planted', "const codec = require('../lambdas/protocol/codec');", 'lambdas/protocol/codec'],
    ['local/gateway/planted', "let turn: import('../../lambdas/broker/turn').Turn;", 'lambdas/broker/turn/turn'],
    ['console/view/planted', "import mqtt from 'mqtt';", 'mqtt'],
    ['console/model/planted', "import { render } from 'preact';", 'preact'],
    ['pricing/planted', "import { startCloud } from '../local/cloud';", 'local/cloud'],
    ['clients/planted', "import * as frames from '../lambdas/protocol/frames';", 'lambdas/protocol/frames'],
    ['examples/planted', "import { startCloud } from '../local/cloud';", 'local/cloud'],
    ['bin/planted', "export * from '../lambdas/settings';", 'lambdas/settings'],
    ['lambdas/broker/planted', 'const which = require(name);', '(computed)'],
  ])('do not allow %s to say %s', (file, source, target) => {
    expect(forbiddenImports(file, source)).toEqual([target]);
  });

  it('allow a room what is listed for it, and itself', () => {
    const source = "import { parseFrame } from '../protocol/frames'; import type { Ports } from './ports';";

    expect(forbiddenImports('lambdas/broker/planted', source)).toEqual([]);
  });
});
