import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { functions } from '../lambdas/deployment';
import { type Settings, settingRules } from '../lambdas/settings';

/** Key of the options in the CDK context: an object in `cdk.json`, or JSON on the command line. */
export const contextKey = 'broker';

/** What an operator may set about the deployment, beside the settings the Lambdas read themselves. */
export interface BrokerOptions extends Settings {
  /** Name of the stack, the APIs, the dashboard and the metrics. */
  readonly brokerName: string;
  /** Stage of the WebSocket API, and so the path of its address. */
  readonly stageName: string;
  /** Path of the JSON that says who may connect and do what, docs/access.md; empty when there is none. */
  readonly accessFile: string;
  /** Path of the JSON that says what crosses to AWS IoT Core, docs/bridge.md; empty when there is none. */
  readonly bridgeFile: string;
  /** Path of the JSON that says what EventBridge is told, docs/events.md; empty when there is none. */
  readonly eventsFile: string;
  /** Frames a second that API Gateway lets in, and how many may come at once on top. */
  readonly throttleRate: number;
  readonly throttleBurst: number;
  /** Handshakes a second, and how many may come at once on top. */
  readonly connectRate: number;
  readonly connectBurst: number;
  /** Lambdas that are kept for handshakes; 0 reserves nothing. */
  readonly connectConcurrency: number;
  /** Lambdas that handle packets side by side. */
  readonly maxConcurrency: number;
  /** Whether backends have an HTTP API. */
  readonly api: 'on' | 'off';
  /** Requests to the API a second, and how many may come at once on top. */
  readonly apiRate: number;
  readonly apiBurst: number;
  /** Whether the console is deployed, on CloudFront. */
  readonly console: boolean;
  /** Megabytes of the function that handles packets; its share of a processor grows with them. */
  readonly onPacketsMemoryMb: number;
  /** Megabytes of the function that delivers to large audiences. */
  readonly onFanOutMemoryMb: number;
  /** Whether X-Ray gets traces of functions. */
  readonly tracing: 'on' | 'off';
  /** Of functions and access logs. */
  readonly logRetentionDays: number;
  /** What becomes of tables and logs when they are deleted with their stack. */
  readonly removalPolicy: 'retain' | 'destroy';
  /** Whether to set the role with which API Gateway writes logs, one for the whole account and Region. */
  readonly accountLogRole: 'create' | 'keep';
  /** Who is written to about alarms and the budget; empty when nobody is. */
  readonly alarmEmail: string;
  /** Percent of `connectRate` or `throttleRate` that may be used for a quarter of an hour before the brake is pulled; 0 is no brake. */
  readonly brakePercent: number;
  /** Dollars, of the whole account; 0 is no budget. */
  readonly monthlyBudgetUsd: number;
}

interface OptionRule<Value> {
  readonly default: Value;
  /** In words, for errors and for docs/options.md. */
  readonly allowed: string;
  readonly allows: (value: unknown) => boolean;
}

/** Every option with its default and what is allowed. docs/options.md is held to it by a test. */
export const optionRules: { readonly [Name in keyof BrokerOptions]: OptionRule<BrokerOptions[Name]> } = {
  brokerName: text('cirrus-mqtt', /^[a-z][a-z0-9-]{0,39}$/i, '1 to 40 letters, digits and hyphens, a letter first'),
  stageName: text('mqtt', /^[a-z0-9_-]{1,64}$/i, '1 to 64 letters, digits, hyphens and underscores'),
  accessFile: text('', /^[^\0]*$/, 'the path of a file'),
  bridgeFile: text('', /^[^\0]*$/, 'the path of a file'),
  eventsFile: text('', /^[^\0]*$/, 'the path of a file'),
  // With these, strangers cannot cost $5 an hour (test/hostile/prices.test.ts). The smallest Regions have 2,500 requests/s with bursts
  // of 1,250 for a whole account, answers to clients included.
  throttleRate: wholeNumber(100, 1, 100_000),
  throttleBurst: wholeNumber(1000, 1, 50_000),
  connectRate: wholeNumber(10, 1, 100_000), // API Gateway: 500 new connections/s for an account, unless raised
  connectBurst: wholeNumber(20, 1, 50_000),
  connectConcurrency: wholeNumber(0, 0, 10_000), // new accounts have 10 in all, of which none may be reserved
  maxConcurrency: wholeNumber(10, 2, 1000), // Lambda: an SQS event source takes 2 to 1,000
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

/** The options given, and defaults. Throws an `Error` that names the option, the value and what is allowed. */
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
  return inAgreement(Object.fromEntries(read) as BrokerOptions);
}

function inAgreement(options: BrokerOptions): BrokerOptions {
  if (options.monthlyBudgetUsd > 0 && options.alarmEmail === '') {
    throw new Error('monthlyBudgetUsd needs alarmEmail: a budget has nobody else to tell');
  }
  if (![0, optionRules.brakePercent.default].includes(options.brakePercent) && options.alarmEmail === '') {
    throw new Error('brakePercent needs alarmEmail: a brake has nobody else to tell');
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

function wholeNumber(standard: number, min: number, max: number): OptionRule<number> {
  const allows = (value: unknown) => Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
  return { default: standard, allowed: `a whole number from ${min} to ${max}`, allows };
}

function text(standard: string, pattern: RegExp, allowed: string): OptionRule<string> {
  return { default: standard, allowed, allows: (value) => typeof value === 'string' && pattern.test(value) };
}

function oneOf<Value>(standard: Value, values: readonly Value[]): OptionRule<Value> {
  return {
    default: standard,
    allowed: `one of ${values.join(', ')}`,
    allows: (value) => values.includes(value as Value),
  };
}

function retentionDays(): number[] {
  return Object.values(RetentionDays).filter(
    (days): days is number => typeof days === 'number' && days !== RetentionDays.INFINITE,
  );
}
