import { allowedTextRule, isAllowedText } from './protocol/disallowed-characters';
import { maxIncomingPacketSize } from './protocol/limits';

/** Settings of an operator. The stack checks them at synthesis, the local cloud at its start. */
export interface Settings {
  /**
   * Maximum QoS 1 and 2 messages queued for one client while it is offline, 1 to 16,384.
   *
   * @default 1024
   */
  readonly queueLimit: number;
  /**
   * Maximum filter shapes (positions of wildcards) of the whole broker, 1 to 1,024. A publish may read one row per shape.
   *
   * @default 256
   */
  readonly maxShapes: number;
  /**
   * Maximum wildcards in one topic filter, 0 to 128; 0 is unlimited.
   *
   * @default 0
   */
  readonly maxWildcards: number;
  /**
   * Maximum levels of one topic filter, 1 to 1,024.
   *
   * @default 1024
   */
  readonly maxLevels: number;
  /**
   * Maximum subscriptions of one session, 0 to 100,000; 0 is unlimited.
   *
   * @default 1000
   */
  readonly maxSubscriptions: number;
  /**
   * Maximum shared subscriptions of one session, 0 to 100,000; 0 is unlimited.
   *
   * @default 100
   */
  readonly maxShareGroups: number;
  /**
   * Maximum session expiry interval in seconds, 0 to 4,294,967,294, applied to MQTT 3.1.1 too; 0 is unlimited.
   *
   * @default 604800
   */
  readonly maxSessionExpiry: number;
  /**
   * Maximum QoS 2 messages that a client may have sent and not released, 1 to 4,096: the Receive Maximum of CONNACK.
   *
   * @default 1024
   */
  readonly maxUnreleased: number;
  /**
   * Maximum size of an incoming packet in bytes, 1,024 to 97,280.
   *
   * @default 97280
   */
  readonly maxPacketSize: number;
  /**
   * Topic Alias Maximum of CONNACK, 0 to 64; 0 disables topic aliases. Aliases are stored in the connection record.
   *
   * @default 16
   */
  readonly maxTopicAliases: number;
  /**
   * Maximum average messages per second that one connection may publish, 0 to 1,000,000; 0 is unlimited.
   *
   * @default 1000
   */
  readonly maxPublishRate: number;
  /**
   * Maximum average bytes of PUBLISH packets per second of one connection, 0 to 1,000,000,000; 0 is unlimited.
   *
   * @default 4000000
   */
  readonly maxPublishBytes: number;
  /**
   * Maximum average packets per second of one connection other than PUBLISH, 0 to 1,000,000; 0 is unlimited. Fifty acknowledgements count
   * as one packet.
   *
   * @default 100
   */
  readonly maxControlRate: number;
  /**
   * Maximum connections of one user, or one subject of tokens, 0 to 100,000; 0 is unlimited. An account can override it.
   *
   * @default 0
   */
  readonly maxConnectionsPerUser: number;
  /**
   * Maximum sessions of one user, or one subject of tokens, that outlive their connections, 0 to 100,000; 0 is unlimited.
   *
   * @default 1000
   */
  readonly maxSessionsPerUser: number;
  /**
   * Maximum retained messages of the whole broker, 0 to 1,000,000,000; 0 is unlimited.
   *
   * @default 0
   */
  readonly maxRetained: number;
  /**
   * Maximum retained messages of one user, or one subject of tokens, 0 to 1,000,000,000; 0 is unlimited. All anonymous clients count as one
   * user.
   *
   * @default 10000
   */
  readonly maxRetainedPerUser: number;
  /**
   * Maximum recipients that the invocation of the publisher serves itself, 1 to 1,000. More recipients go through the fan-out queue.
   *
   * @default 100
   */
  readonly inlineRecipients: number;
  /**
   * Topic filters that SUBSCRIBE refuses, with all filters that they cover; at most 100. A wider filter is granted, so this does not protect
   * topics.
   *
   * @default []
   */
  readonly refusedFilters: readonly string[];
  /**
   * Maximum keep-alive in seconds, 10 to 540. An MQTT 5.0 client that requests a longer one, or none, gets it as Server Keep Alive.
   *
   * @default 540
   */
  readonly maxKeepAlive: number;
  /**
   * Publish interval of `$SYS` topics in minutes, 0 to 60; 0 disables them.
   *
   * @default 0
   */
  readonly sysTopicsMinutes: number;
  /**
   * Seconds from the handshake to a successful CONNECT, 1 to 300. Later the connection is closed.
   *
   * @default 10
   */
  readonly connectTimeout: number;
  /**
   * Seconds without progress after which a client that does not read is closed, 0 to 300; 0 never closes it.
   *
   * @default 10
   */
  readonly slowReaderTimeout: number;
  /**
   * `audit` logs events of connections, `debug` every packet too. `cirrus-mqtt debug` logs packets of single clients.
   *
   * @default 'audit'
   */
  readonly logLevel: 'audit' | 'debug';
  /**
   * Emits no CloudWatch metrics, ten, or additionally those by QoS and reason.
   *
   * @default 'basic'
   */
  readonly metrics: 'off' | 'basic' | 'all';
  /**
   * Clients of AWS services in all functions: the small clients of `lambdas/aws/lean`, or the AWS SDK. Applies when functions are
   * bundled.
   *
   * @default 'lean'
   */
  readonly awsClients: 'lean' | 'sdk';
}

/** Variable, default and check of one setting. */
export interface SettingRule<Value> {
  /** Environment variable of the functions; its value is JSON. */
  readonly variable: string;
  readonly default: Value;
  /** Allowed values in words, for errors and docs/options.md. */
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

/**
 * Reads settings from environment variables, with defaults for absent ones.
 *
 * @throws Error that names the setting, the value and the allowed values
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

/** Parses JSON; returns other text unchanged. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * Returns the environment variables for settings. Defaults are left out, because functions know them and Lambda allows 4 KB for all
 * variables of a function.
 */
export function settingVariables(settings: Settings): Record<string, string> {
  const texts = names.map((name) => [name, JSON.stringify(settings[name])] as const);
  const changed = texts.filter(([name, text]) => text !== JSON.stringify(settingRules[name].default));
  return Object.fromEntries(changed.map(([name, text]) => [settingRules[name].variable, text]));
}

/** Returns the constants that esbuild substitutes, so that unused code is left out of a bundle. */
export function bundleConstants({ awsClients }: Pick<Settings, 'awsClients'>): Record<string, string> {
  return { [`process.env.${settingRules.awsClients.variable}`]: JSON.stringify(awsClients) };
}
