import { allowedTextRule, isAllowedText } from './protocol/disallowed-characters';
import { maxIncomingPacketSize } from './protocol/limits';

/** What an operator may set. Each is checked where it is given: at synth for the stack, at start for the local cloud. */
export interface Settings {
  /** Outgoing QoS 1 and 2 messages that may wait for a client while it is offline. */
  readonly queueLimit: number;
  /** Places in the list of filter shapes (positions of wildcards) of the whole broker; a publish may query each shape once. */
  readonly maxShapes: number;
  /** Wildcards in one topic filter; 0 is any number. */
  readonly maxWildcards: number;
  /** Levels of one topic filter. */
  readonly maxLevels: number;
  /** Subscriptions of one session; 0 is any number. */
  readonly maxSubscriptions: number;
  /** Of them, in shared subscriptions; 0 is any number. */
  readonly maxShareGroups: number;
  /** Seconds that a session may outlive its connection; 0 is any time. */
  readonly maxSessionExpiry: number;
  /** QoS 2 messages that a client may have sent and not released. */
  readonly maxUnreleased: number;
  /** Bytes of one packet that a client sends. */
  readonly maxPacketSize: number;
  /** Topic aliases that a client of MQTT 5.0 may set up; the record of its connection holds them. 0 is none. */
  readonly maxTopicAliases: number;
  /** Messages, and bytes of their packets, that one connection may publish in a second on average; 0 is any number. */
  readonly maxPublishRate: number;
  readonly maxPublishBytes: number;
  /** Packets other than PUBLISH that one connection may send in a second on average, fifty acknowledgements counted as one; 0 is any number. */
  readonly maxControlRate: number;
  /** Clients of one user, or of one subject of tokens, at a time; 0 is any number. An account may say another one. */
  readonly maxConnectionsPerUser: number;
  /** Sessions of one user, or of one subject of tokens, that outlive their connections; 0 is any number. */
  readonly maxSessionsPerUser: number;
  /** Retained messages of the whole broker; 0 is any number. */
  readonly maxRetained: number;
  /** Retained messages of one user, or of one subject of tokens; 0 is any number. Anonymous clients are one user. */
  readonly maxRetainedPerUser: number;
  /** Recipients served inside the publisher's own invocation; a larger audience goes through the fan-out queue. */
  readonly inlineRecipients: number;
  /** Topic filters nobody may subscribe to, nor to anything they cover; a wider filter is granted, so they keep nothing secret. */
  readonly refusedFilters: readonly string[];
  /** Seconds; a client of MQTT 5.0 that asks for a longer keep-alive, or none, is told this one. */
  readonly maxKeepAlive: number;
  /** Minutes between two tellings of `$SYS` topics; 0 is never. */
  readonly sysTopicsMinutes: number;
  /** Seconds after the handshake in which a client has to be let in. */
  readonly connectTimeout: number;
  /** Seconds without progress after which a client is closed that does not read what is sent to it; 0 is never. */
  readonly slowReaderTimeout: number;
  /** Whether every packet is logged, or what happens to connections only; `cirrus-mqtt debug` adds single clients. */
  readonly logLevel: 'audit' | 'debug';
  /** Numbers for CloudWatch: none, ten metrics, or also those by QoS and reason. */
  readonly metrics: 'off' | 'basic' | 'all';
  /** How the hot AWS calls are made: by the small client of this project, or by the SDK's. Decided when bundling. */
  readonly awsClients: 'lean' | 'sdk';
}

/** How one setting is given and checked. */
export interface SettingRule<Value> {
  /** Environment variable of the functions, with the value as JSON. */
  readonly variable: string;
  readonly default: Value;
  /** In words, for errors and documentation. */
  readonly allowed: string;
  readonly allows: (value: unknown) => boolean;
}

export const settingRules: { readonly [Name in keyof Settings]: SettingRule<Settings[Name]> } = {
  queueLimit: wholeNumber('QUEUE_LIMIT', 1024, 1, 16384),
  maxShapes: wholeNumber('MAX_SHAPES', 256, 1, 1024),
  maxWildcards: wholeNumber('MAX_WILDCARDS', 0, 0, 128),
  maxLevels: wholeNumber('MAX_LEVELS', 1024, 1, 1024), // the shape of a filter has a letter for each, and fits into a key
  maxSubscriptions: wholeNumber('MAX_SUBSCRIPTIONS', 1000, 0, 100_000),
  maxShareGroups: wholeNumber('MAX_SHARE_GROUPS', 100, 0, 100_000),
  maxSessionExpiry: wholeNumber('MAX_SESSION_EXPIRY', 7 * 24 * 3600, 0, 0xffff_fffe), // the longest of AWS IoT Core
  maxUnreleased: wholeNumber('MAX_UNRELEASED', 1024, 1, 4096),
  maxPacketSize: wholeNumber('MAX_PACKET_SIZE', maxIncomingPacketSize, 1024, maxIncomingPacketSize),
  maxTopicAliases: wholeNumber('MAX_TOPIC_ALIASES', 16, 0, 64),
  maxPublishRate: wholeNumber('MAX_PUBLISH_RATE', 1000, 0, 1_000_000),
  maxPublishBytes: wholeNumber('MAX_PUBLISH_BYTES', 4_000_000, 0, 1_000_000_000),
  maxControlRate: wholeNumber('MAX_CONTROL_RATE', 100, 0, 1_000_000),
  maxConnectionsPerUser: wholeNumber('MAX_CONNECTIONS_PER_USER', 0, 0, 100_000),
  maxSessionsPerUser: wholeNumber('MAX_SESSIONS_PER_USER', 1000, 0, 100_000),
  maxRetained: wholeNumber('MAX_RETAINED', 0, 0, 1_000_000_000),
  maxRetainedPerUser: wholeNumber('MAX_RETAINED_PER_USER', 10_000, 0, 1_000_000_000),
  inlineRecipients: wholeNumber('INLINE_RECIPIENTS', 100, 1, 1000),
  maxKeepAlive: wholeNumber('MAX_KEEP_ALIVE', 540, 10, 540), // API Gateway ends a connection that was quiet for 10 minutes
  sysTopicsMinutes: wholeNumber('SYS_TOPICS_MINUTES', 0, 0, 60),
  connectTimeout: wholeNumber('CONNECT_TIMEOUT', 10, 1, 300),
  slowReaderTimeout: wholeNumber('SLOW_READER_TIMEOUT', 10, 0, 300),
  refusedFilters: {
    variable: 'REFUSED_FILTERS',
    default: [],
    allowed: `a list of at most 100 topic filters, none of them empty, ${allowedTextRule}`,
    allows: isFilterList,
  },
  logLevel: oneOf('LOG_LEVEL', 'audit', ['audit', 'debug']),
  metrics: oneOf('METRICS', 'basic', ['off', 'basic', 'all']),
  awsClients: oneOf('AWS_CLIENTS', 'lean', ['lean', 'sdk']),
};

function oneOf<Value extends string>(variable: string, standard: Value, values: readonly Value[]): SettingRule<Value> {
  const allows = (value: unknown) => values.includes(value as Value);
  return { variable, default: standard, allowed: `one of ${values.join(', ')}`, allows };
}

function wholeNumber(variable: string, standard: number, min: number, max: number): SettingRule<number> {
  const allows = (value: unknown) => Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
  return { variable, default: standard, allowed: `a whole number from ${min} to ${max}`, allows };
}

function isFilterList(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length <= 100 &&
    value.every((entry) => typeof entry === 'string' && entry !== '' && isAllowedText(entry))
  );
}

const names = Object.keys(settingRules) as (keyof Settings)[];

/** Settings from environment variables, defaults where a variable is absent. Throws an `Error` that says what is wrong. */
export function settingsFromEnvironment(environment: NodeJS.ProcessEnv): Settings {
  return Object.fromEntries(names.map((name) => [name, readSetting(name, environment)])) as unknown as Settings;
}

function readSetting(name: keyof Settings, environment: NodeJS.ProcessEnv): unknown {
  const { variable, default: standard, allowed, allows } = settingRules[name];
  const text = environment[variable];
  if (text === undefined) return standard;
  const value = parse(text);
  if (allows(value)) return value;
  throw new Error(`${name} (${variable}) is ${JSON.stringify(text)}, but must be ${allowed}`);
}

/** JSON, or a plain word as it stands. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * The environment variables that give a function these settings. What is the default is left out: the function knows it, and Lambda
 * allows 4 KB for all variables together.
 */
export function settingVariables(settings: Settings): Record<string, string> {
  const texts = names.map((name) => [name, JSON.stringify(settings[name])] as const);
  const changed = texts.filter(([name, text]) => text !== JSON.stringify(settingRules[name].default));
  return Object.fromEntries(changed.map(([name, text]) => [settingRules[name].variable, text]));
}

/** What esbuild puts in place of variables that decide which code a bundle has. */
export function bundleConstants({ awsClients }: Pick<Settings, 'awsClients'>): Record<string, string> {
  return { [`process.env.${settingRules.awsClients.variable}`]: JSON.stringify(awsClients) };
}
