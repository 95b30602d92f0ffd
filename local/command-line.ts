import { hostRule, originRule } from '../clients/web-access';
import { readAccessFile } from '../lambdas/access/access-file';
import { readBridgeFile } from '../lambdas/bridge/bridge-file';
import { readEventsFile } from '../lambdas/events/events-file';
import type { CloudOptions } from './cloud-options';

/** The options of `npm start`. */
export interface CommandLine {
  readonly cloud: CloudOptions;
  readonly mqttPort: number;
  readonly mqttWebSocketPort: number;
  /** File of the access configuration. */
  readonly accessFile?: string;
}

interface Values {
  port: number;
  'mqtt-port': number;
  'mqtt-ws-port': number;
  containers: number;
  data?: string;
  dynamodb?: string;
  'dynamodb-latency': number;
  access?: string;
  bridge?: string;
  'iot-port': number;
  events?: string;
  verbose: boolean;
  'allow-origin': string[];
  'allow-host': string[];
}

type Name = keyof Values;

const defaults: Values = {
  port: 8080,
  'mqtt-port': 1883,
  'mqtt-ws-port': 8083,
  'iot-port': 1884,
  containers: 2,
  'dynamodb-latency': 0,
  verbose: false,
  'allow-origin': [],
  'allow-host': [],
};

/** Reads the value of each option. */
const parsers: { readonly [Option in Exclude<Name, 'verbose'>]: (name: string, value: string) => string | number } = {
  port: wholeNumber(0, 65535),
  'mqtt-port': wholeNumber(0, 65535),
  'mqtt-ws-port': wholeNumber(0, 65535),
  containers: wholeNumber(1, 100),
  data: path('a folder'),
  dynamodb: httpUrl,
  'dynamodb-latency': wholeNumber(0, 1000),
  access: path('a file'),
  bridge: path('a file'),
  'iot-port': wholeNumber(0, 65535),
  events: path('a file'),
  'allow-origin': rule(originRule, 'the origin of a page, as https://page.example or http://page.example:*'),
  'allow-host': rule(hostRule, 'the name of a host, without a port'),
};

/** The options as flags, for completion and documentation. */
export const localFlags: Readonly<Record<string, { readonly type: 'string' | 'boolean' }>> = {
  ...Object.fromEntries(Object.keys(parsers).map((name) => [name, { type: 'string' as const }])),
  verbose: { type: 'boolean' },
};

/**
 * Reads `--name value` and `--name=value`.
 *
 * @throws Error with the option, the value and the allowed values
 */
export function parseCommandLine(words: readonly string[]): CommandLine {
  const values: Values = { ...defaults };
  const rest = words.flatMap(splitAtEquals);
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--verbose') values.verbose = true;
    else take(values, word, rest.shift());
  }
  const { port, containers, data, dynamodb, verbose, access: accessFile, events: eventsFile } = values;
  const { 'allow-origin': allowOrigins, 'allow-host': allowHosts } = values;
  const bridge = values.bridge === undefined ? undefined : readBridgeFile(values.bridge);
  const access = accessFile === undefined ? undefined : readAccessFile(accessFile);
  const events = eventsFile === undefined ? undefined : readEventsFile(eventsFile);
  return {
    cloud: {
      port,
      containers,
      data,
      dynamodb,
      dynamodbLatency: values['dynamodb-latency'],
      verbose,
      access,
      events,
      ...(allowOrigins.length > 0 && { allowOrigins }),
      ...(allowHosts.length > 0 && { allowHosts }),
      ...(bridge && { bridge, iotPort: values['iot-port'] }),
    },
    mqttPort: values['mqtt-port'],
    mqttWebSocketPort: values['mqtt-ws-port'],
    accessFile,
  };
}

function splitAtEquals(word: string): string[] {
  const equals = word.indexOf('=');
  return word.startsWith('--') && equals > 0 ? [word.slice(0, equals), word.slice(equals + 1)] : [word];
}

function take(values: Values, word: string, value: string | undefined): void {
  const name = word.slice(2);
  if (!word.startsWith('--') || !Object.hasOwn(parsers, name)) {
    throw new Error(`${word} is not an option; allowed are --${Object.keys(parsers).join(', --')}, --verbose`);
  }
  if (value === undefined || value === '') throw new Error(`${word} needs a value`);
  const parsed = parsers[name as keyof typeof parsers](word, value);
  const before = values[name as Name];
  // An option that may be repeated collects a list.
  Object.assign(values, { [name]: Array.isArray(before) ? [...before, parsed] : parsed });
}

function rule(read: (value: string) => string | undefined, what: string) {
  return (name: string, value: string): string => {
    const rule = read(value);
    if (rule !== undefined) return rule;
    throw new Error(`${name} is ${JSON.stringify(value)}, but must be ${what}`);
  };
}

function wholeNumber(min: number, max: number) {
  return (name: string, value: string): number => {
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= min && number <= max) return number;
    throw new Error(`${name} is ${JSON.stringify(value)}, but must be a whole number from ${min} to ${max}`);
  };
}

function path(what: string) {
  return (name: string, value: string): string => {
    if (!value.startsWith('--')) return value;
    throw new Error(`${name} is ${JSON.stringify(value)}, but must be ${what}`);
  };
}

function httpUrl(name: string, value: string): string {
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value;
  throw new Error(`${name} is ${JSON.stringify(value)}, but must be an http:// or https:// address`);
}
