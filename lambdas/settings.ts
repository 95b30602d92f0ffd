import { cleanTextRule, isClean } from './protocol/clean-text';
import { largestIncoming } from './protocol/limits';

/** Settings of an operator. The stack checks them at synth, the local cloud at start. */
export interface Settings {
  /** Maximum number of outgoing QoS 1 and 2 messages that are queued for an offline client. */
  readonly queueLimit: number;
  /** Maximum number of filter shapes (positions of wildcards) of the whole broker; a publish may query each shape once. */
  readonly maxShapes: number;
  /** Maximum number of wildcards in a topic filter; 0 means no limit. */
  readonly maxWildcards: number;
  /** Maximum number of levels in a topic filter. */
  readonly maxLevels: number;
  /** Maximum number of subscriptions of a session; 0 means no limit. */
  readonly maxSubscriptions: number;
  /** Maximum number of shared subscriptions of a session; 0 means no limit. */
  readonly maxShareGroups: number;
  /** Maximum Session Expiry Interval in seconds; 0 means no limit. */
  readonly maxSessionExpiry: number;
  /** Maximum number of QoS 2 messages that a client has sent and not released. */
  readonly maxUnreleased: number;
  /** Maximum Packet Size that the broker accepts, in bytes. */
  readonly maxPacketSize: number;
  /** Topic Alias Maximum of the broker; the record of a connection contains the aliases. 0 turns them off. */
  readonly maxTopicAliases: number;
  /** Average number of messages that a connection may publish in a second; 0 means no limit. */
  readonly maxPublishRate: number;
  /** Average number of bytes in PUBLISH packets that a connection may send in a second; 0 means no limit. */
  readonly maxPublishBytes: number;
  /** Average number of other packets that a connection may send in a second; fifty acknowledgements count as one. 0 means no limit. */
  readonly maxControlRate: number;
  /** Maximum simultaneous connections of a user or subject of tokens; 0 means no limit. An account may have another limit. */
  readonly maxConnectionsPerUser: number;
  /** Maximum number of sessions of a user or subject of tokens that outlive their connections; 0 means no limit. */
  readonly maxSessionsPerUser: number;
  /** Maximum number of retained messages of the whole broker; 0 means no limit. */
  readonly maxRetained: number;
  /** Maximum number of retained messages of a user or subject of tokens; 0 means no limit. Anonymous clients count as one user. */
  readonly maxRetainedPerUser: number;
  /** Maximum number of recipients that the invocation of the publisher serves; for more recipients a message goes through the fan-out queue. */
  readonly inlineRecipients: number;
  /** Topic filters that nobody may subscribe to, with all filters that they cover. A wider filter is granted, so they protect no topic. */
  readonly refusedFilters: readonly string[];
  /** Maximum Keep Alive in seconds. MQTT 5.0 clients that request a longer one, or none, get it as Server Keep Alive. */
  readonly maxKeepAlive: number;
  /** Publish interval of `$SYS` topics in minutes; 0 turns them off. */
  readonly sysTopicsMinutes: number;
  /** Maximum time in seconds between the handshake and a successful CONNECT. */
  readonly connectTimeout: number;
  /** Seconds without progress after which the connection of a slow reader is closed; 0 means never. */
  readonly slowReaderTimeout: number;
  /** `debug` logs every packet, `audit` only events of connections; `cirrus-mqtt debug` adds single clients. */
  readonly logLevel: 'audit' | 'debug';
  /** Metrics in CloudWatch: none, ten, or also those by QoS and reason. */
  readonly metrics: 'off' | 'basic' | 'all';
  /** Client for frequent AWS calls: that of this project, or that of the SDK. Decided when functions are bundled. */
  readonly awsClients: 'lean' | 'sdk';
}

/** Environment variable, default and check of a setting. */
export interface SettingRule<Value> {
  /** Environment variable with the value as JSON. */
  readonly variable: string;
  readonly default: Value;
  /** Description of the allowed values for errors and documentation. */
  readonly allowed: string;
  readonly allows: (value: unknown) => boolean;
}

export const settingRules: { readonly [Name in keyof Settings]: SettingRule<Settings[Name]> } = {
  queueLimit: wholeNumber('QUEUE_LIMIT', 1024, { min: 1, max: 16384 }),
  maxShapes: wholeNumber('MAX_SHAPES', 256, { min: 1, max: 1024 }),
  maxWildcards: wholeNumber('MAX_WILDCARDS', 0, { min: 0, max: 128 }),
  maxLevels: wholeNumber('MAX_LEVELS', 1024, { min: 1, max: 1024 }), // the shape of a filter has a letter for each level, and must fit into a key
  maxSubscriptions: wholeNumber('MAX_SUBSCRIPTIONS', 1000, { min: 0, max: 100_000 }),
  maxShareGroups: wholeNumber('MAX_SHARE_GROUPS', 100, { min: 0, max: 100_000 }),
  maxSessionExpiry: wholeNumber('MAX_SESSION_EXPIRY', 7 * 24 * 3600, { min: 0, max: 0xffff_fffe }), // the maximum of AWS IoT Core
  maxUnreleased: wholeNumber('MAX_UNRELEASED', 1024, { min: 1, max: 4096 }),
  maxPacketSize: wholeNumber('MAX_PACKET_SIZE', largestIncoming, { min: 1024, max: largestIncoming }),
  maxTopicAliases: wholeNumber('MAX_TOPIC_ALIASES', 16, { min: 0, max: 64 }),
  maxPublishRate: wholeNumber('MAX_PUBLISH_RATE', 1000, { min: 0, max: 1_000_000 }),
  maxPublishBytes: wholeNumber('MAX_PUBLISH_BYTES', 4_000_000, { min: 0, max: 1_000_000_000 }),
  maxControlRate: wholeNumber('MAX_CONTROL_RATE', 100, { min: 0, max: 1_000_000 }),
  maxConnectionsPerUser: wholeNumber('MAX_CONNECTIONS_PER_USER', 0, { min: 0, max: 100_000 }),
  maxSessionsPerUser: wholeNumber('MAX_SESSIONS_PER_USER', 1000, { min: 0, max: 100_000 }),
  maxRetained: wholeNumber('MAX_RETAINED', 0, { min: 0, max: 1_000_000_000 }),
  maxRetainedPerUser: wholeNumber('MAX_RETAINED_PER_USER', 10_000, { min: 0, max: 1_000_000_000 }),
  inlineRecipients: wholeNumber('INLINE_RECIPIENTS', 100, { min: 1, max: 1000 }),
  maxKeepAlive: wholeNumber('MAX_KEEP_ALIVE', 540, { min: 10, max: 540 }), // API Gateway closes a connection after 10 idle minutes
  sysTopicsMinutes: wholeNumber('SYS_TOPICS_MINUTES', 0, { min: 0, max: 60 }),
  connectTimeout: wholeNumber('CONNECT_TIMEOUT', 10, { min: 1, max: 300 }),
  slowReaderTimeout: wholeNumber('SLOW_READER_TIMEOUT', 10, { min: 0, max: 300 }),
  refusedFilters: {
    variable: 'REFUSED_FILTERS',
    default: [],
    allowed: `a list of at most 100 topic filters, none of them empty, ${cleanTextRule}`,
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

function wholeNumber(
  variable: string,
  standard: number,
  { min, max }: { readonly min: number; readonly max: number },
): SettingRule<number> {
  const allows = (value: unknown) => Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
  return { variable, default: standard, allowed: `a whole number from ${min} to ${max}`, allows };
}

function isFilterList(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length <= 100 &&
    value.every((entry) => typeof entry === 'string' && entry !== '' && isClean(entry))
  );
}

const names = Object.keys(settingRules) as (keyof Settings)[];

/**
 * Reads settings from environment variables; a setting without a variable gets its default.
 *
 * @throws Error that names the setting, the value and what is allowed
 */
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

/** Parses JSON; other text is returned unchanged. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * Returns the environment variables for these settings. Defaults are left out, because Lambda limits all variables of a function
 * together to 4 KB.
 */
export function settingVariables(settings: Settings): Record<string, string> {
  const texts = names.map((name) => [name, JSON.stringify(settings[name])] as const);
  const changed = texts.filter(([name, text]) => text !== JSON.stringify(settingRules[name].default));
  return Object.fromEntries(changed.map(([name, text]) => [settingRules[name].variable, text]));
}

/** Returns the constants that esbuild inserts for variables that decide which code a bundle contains. */
export function bundleConstants({ awsClients }: Pick<Settings, 'awsClients'>): Record<string, string> {
  return { [`process.env.${settingRules.awsClients.variable}`]: JSON.stringify(awsClients) };
}
