import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { functions } from '../lambdas/deployment';
import { type Settings, settingRules } from '../lambdas/settings';

/** Key of the options in the CDK context. The value is an object in `cdk.json`, or JSON on the command line. */
export const contextKey = 'broker';

/** Options of the deployment, and the settings that the functions read at run time. */
export interface BrokerOptions extends Settings {
  /**
   * Name of the stack, the APIs, the dashboard and the metrics: 1 to 40 letters, digits and hyphens, starting with a letter.
   * Another name is another broker with its own tables.
   *
   * @default 'cirrus-mqtt'; for the construct its path
   */
  readonly brokerName: string;
  /**
   * Stage of the WebSocket API and path of its address, `wss://…/mqtt`: 1 to 64 letters, digits, hyphens and underscores.
   *
   * @default 'mqtt'
   */
  readonly stageName: string;
  /**
   * Path of the JSON file with authentication and rules (docs/access.md). Empty: only users of the accounts table may connect. Its packed
   * form has at most 2,500 bytes.
   *
   * @default ''
   */
  readonly accessFile: string;
  /**
   * Path of the JSON file with the topics to bridge with AWS IoT Core (docs/bridge.md). Empty: no bridge. Its packed form has at most the
   * bytes that `accessFile` leaves of 2,500.
   *
   * @default ''
   */
  readonly bridgeFile: string;
  /**
   * Path of the JSON file with the events to send to EventBridge (docs/events.md). Empty: no events. It has at most the bytes that
   * `accessFile` and `bridgeFile` leave of 2,500.
   *
   * @default ''
   */
  readonly eventsFile: string;
  /**
   * Frames per second that API Gateway accepts on each route, 1 to 100,000. It closes connections that exceed the limit.
   *
   * @default 100
   */
  readonly throttleRate: number;
  /**
   * Burst of frames above `throttleRate`, 1 to 50,000.
   *
   * @default 1000
   */
  readonly throttleBurst: number;
  /**
   * Handshakes per second, 1 to 100,000. Anybody who knows the address can start handshakes, so this bounds the cost of an attack.
   *
   * @default 10
   */
  readonly connectRate: number;
  /**
   * Burst of handshakes above `connectRate`, 1 to 50,000.
   *
   * @default 20
   */
  readonly connectBurst: number;
  /**
   * Reserved concurrency of the function for handshakes, 0 to 10,000 invocations. 0 reserves none.
   *
   * @default 0
   */
  readonly connectConcurrency: number;
  /**
   * Maximum concurrent invocations that handle packets, 2 to 1,000.
   *
   * @default 10
   */
  readonly maxConcurrency: number;
  /**
   * Deploys the HTTP API for backends (docs/api.md).
   *
   * @default 'on'
   */
  readonly api: 'on' | 'off';
  /**
   * Requests per second to the HTTP API, 1 to 100,000.
   *
   * @default 100
   */
  readonly apiRate: number;
  /**
   * Burst of requests above `apiRate`, 1 to 50,000.
   *
   * @default 200
   */
  readonly apiBurst: number;
  /**
   * Deploys the console on CloudFront (docs/console.md). Not available in Regions without CloudFront.
   *
   * @default false
   */
  readonly console: boolean;
  /**
   * Memory in MB of the function that handles packets, 128 to 10,240. CPU is proportional to memory.
   *
   * @default 1024
   */
  readonly onPacketsMemoryMb: number;
  /**
   * Memory in MB of the function that delivers messages with many recipients, 128 to 10,240.
   *
   * @default 1024
   */
  readonly onFanOutMemoryMb: number;
  /**
   * Sends traces of sampled invocations to AWS X-Ray.
   *
   * @default 'off'
   */
  readonly tracing: 'on' | 'off';
  /**
   * Retention in days of function logs and access logs; one of the values that CloudWatch Logs supports, from 1 to 3,653.
   *
   * @default 30
   */
  readonly logRetentionDays: number;
  /**
   * Fate of tables and logs when the stack is deleted. `retain` also turns on deletion protection of tables.
   *
   * @default 'retain'
   */
  readonly removalPolicy: 'retain' | 'destroy';
  /**
   * `create` sets the role with which API Gateway writes logs, for the whole account and Region. `keep` uses the role that is already set.
   *
   * @default 'create'
   */
  readonly accountLogRole: 'create' | 'keep';
  /**
   * Email address that alarms and the budget notify; empty for none.
   *
   * @default ''
   */
  readonly alarmEmail: string;
  /**
   * Percent of `connectRate` or `throttleRate`, 0 to 100. When more is used for 15 minutes, the brake divides the limits by ten. 0 disables
   * the brake. Takes effect only with `alarmEmail`.
   *
   * @default 50
   */
  readonly brakePercent: number;
  /**
   * Monthly budget of the whole account in US dollars, 0 to 1,000,000. 0 creates no budget. Requires `alarmEmail`.
   *
   * @default 0
   */
  readonly monthlyBudgetUsd: number;
}

interface OptionRule<Value> {
  readonly default: Value;
  /** Allowed values in words, for errors and docs/options.md. */
  readonly allowed: string;
  readonly allows: (value: unknown) => boolean;
}

/** Default and allowed values of every option. A test compares docs/options.md with them. */
export const optionRules: { readonly [Name in keyof BrokerOptions]: OptionRule<BrokerOptions[Name]> } = {
  brokerName: text('cirrus-mqtt', /^[a-z][a-z0-9-]{0,39}$/i, '1 to 40 letters, digits and hyphens, a letter first'),
  stageName: text('mqtt', /^[a-z0-9_-]{1,64}$/i, '1 to 64 letters, digits, hyphens and underscores'),
  accessFile: text('', /^[^\0]*$/, 'the path of a file'),
  bridgeFile: text('', /^[^\0]*$/, 'the path of a file'),
  eventsFile: text('', /^[^\0]*$/, 'the path of a file'),
  // With these defaults an attacker cannot cause cost of $5 an hour (test/hostile/prices.test.ts). The smallest Regions allow 2,500
  // requests/s with bursts of 1,250 for a whole account, including messages to clients.
  throttleRate: wholeNumber(100, 1, 100_000),
  throttleBurst: wholeNumber(1000, 1, 50_000),
  connectRate: wholeNumber(10, 1, 100_000), // API Gateway: default quota of 500 new connections/s per account
  connectBurst: wholeNumber(20, 1, 50_000),
  connectConcurrency: wholeNumber(0, 0, 10_000), // new accounts have 10 in all, none of which can be reserved
  maxConcurrency: wholeNumber(10, 2, 1000), // Lambda: 2 to 1,000 for an SQS event source
  api: oneOf('on', ['on', 'off']),
  apiRate: wholeNumber(100, 1, 100_000),
  apiBurst: wholeNumber(200, 1, 50_000),
  console: oneOf<boolean>(false, [false, true]),
  onPacketsMemoryMb: wholeNumber(functions.onPackets.memoryMb, 128, 10_240), // Lambda: 128 to 10,240 MB
  onFanOutMemoryMb: wholeNumber(functions.onFanOut.memoryMb, 128, 10_240),
  tracing: oneOf('off', ['on', 'off']),
  logRetentionDays: oneOf(30, retentionDays()),
  removalPolicy: oneOf('retain', ['retain', 'destroy']),
  accountLogRole: oneOf('create', ['create', 'keep']),
  alarmEmail: text('', /^$|^[^@\s]+@[^@\s]+$/, 'an email address'),
  brakePercent: wholeNumber(50, 0, 100),
  monthlyBudgetUsd: wholeNumber(0, 0, 1_000_000),
  ...settingRules,
};

/**
 * Returns the given options, completed with defaults.
 *
 * @param context an object, or JSON as text
 * @throws Error that names the option, the value and the allowed values
 */
export function readOptions(context: unknown): BrokerOptions {
  const given = contextObject(context);
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(optionRules, name)) {
      throw new Error(
        `${contextKey} has no option ${JSON.stringify(name)}, only ${Object.keys(optionRules).join(', ')}`,
      );
    }
  }
  const read = Object.entries(optionRules).map(([name, rule]) => [name, readOption(name, rule, given[name])]);
  return checkCombinations(Object.fromEntries(read) as BrokerOptions);
}

function checkCombinations(options: BrokerOptions): BrokerOptions {
  if (options.monthlyBudgetUsd > 0 && options.alarmEmail === '') {
    throw new Error('monthlyBudgetUsd needs alarmEmail, the address that the budget notifies');
  }
  if (![0, optionRules.brakePercent.default].includes(options.brakePercent) && options.alarmEmail === '') {
    throw new Error('brakePercent needs alarmEmail, the address that the brake notifies');
  }
  return options;
}

function contextObject(context: unknown): Record<string, unknown> {
  const value = typeof context === 'string' ? parseJson(context) : (context ?? {});
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Error(`${contextKey} is ${JSON.stringify(context)}, but must be a JSON object`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readOption(name: string, rule: OptionRule<unknown>, value: unknown): unknown {
  if (value === undefined) return rule.default;
  if (rule.allows(value)) return value;
  throw new Error(`${name} is ${JSON.stringify(value)}, but must be ${rule.allowed}`);
}

function wholeNumber(defaultValue: number, min: number, max: number): OptionRule<number> {
  const allows = (value: unknown) => Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
  return { default: defaultValue, allowed: `a whole number from ${min} to ${max}`, allows };
}

function text(defaultValue: string, pattern: RegExp, allowed: string): OptionRule<string> {
  return { default: defaultValue, allowed, allows: (value) => typeof value === 'string' && pattern.test(value) };
}

function oneOf<Value>(defaultValue: Value, values: readonly Value[]): OptionRule<Value> {
  return {
    default: defaultValue,
    allowed: `one of ${values.join(', ')}`,
    allows: (value) => values.includes(value as Value),
  };
}

function retentionDays(): number[] {
  return Object.values(RetentionDays).filter(
    (days): days is number => typeof days === 'number' && days !== RetentionDays.INFINITE,
  );
}
