import { randomBytes } from 'node:crypto';
import { bearerHeaders } from '../../clients/bearer';
import { withoutQuery } from '../broker-address';
import { type Command, exitNegative, type Flags, type Terminal, UsageError } from '../command';
import { orderedFrames, roundTrips } from '../doctor/message-steps';
import { runSteps, type StepOutcome, selectSteps, steps } from '../doctor/run-steps';
import type { Step } from '../doctor/step';
import type { DoctorOptions } from '../doctor/step-context';
import { milliseconds, topicName, wholeNumber } from '../flag-values';
import { formatDollars } from '../format-dollars';
import { type ParsedValues, parseOptionsAndArguments } from '../parse-options';
import { type Run, runDollars } from '../pricing/run-bill';
import { progressOn } from '../progress';

const help = `usage: cirrus-mqtt doctor wss://... [-u NAME -P PASSWORD] [options]

Checks a broker address step by step, from DNS to session resumption. Uses its own client ids and topics, and removes
its sessions and its retained message at the end. Ends with exit code 0 if no step failed, with exit code 2 if a step
failed.

  -u, --username NAME  user name
  -P, --pw PASSWORD    password
  --token-file FILE    file with the token for the handshake
  -i, --id ID          prefix of the client ids; default random
  -t, --topic TOPIC    prefix of the topics, which the user must be allowed to use; default cirrus/doctor
  --idle S             seconds of the step idle, 0 to 900; default 10. API Gateway closes idle connections after 600
  --only STEP          run only this step and the steps that it needs; repeatable
  -W, --timeout S      maximum wait for each response in seconds; default 15
  --json               print all results as JSON

steps:
${steps.map(({ name, title }) => `  ${name.padEnd(12)} ${title}\n`).join('')}`;

const flags = {
  username: { type: 'string', short: 'u' },
  pw: { type: 'string', short: 'P' },
  'token-file': { type: 'string' },
  id: { type: 'string', short: 'i' },
  topic: { type: 'string', short: 't' },
  idle: { type: 'string' },
  only: { type: 'string', multiple: true },
  timeout: { type: 'string', short: 'W' },
  json: { type: 'boolean' },
} as const satisfies Flags;

type Values = ParsedValues<typeof flags>;

/** Number of connections and pings of all steps, for the cost. Each connection has at most one subscription. */
const connections = 12;
const pings = 2;

/** `cirrus-mqtt doctor`: checks a broker address step by step. */
export const doctorCommand: Command = {
  help,
  flags,
  exitCodes: { [exitNegative]: 'a step failed' },
  async run(args, terminal) {
    const { values, positionals } = parseOptionsAndArguments(args, flags);
    const options = parseDoctorOptions(values, parseUrl(positionals), terminal);
    const selected = parseSteps(values);
    const dollars = costOf(options, selected);
    const url = withoutQuery(options.address.url);
    const print = (text: string) => values.json || terminal.stdout.write(text);
    print(`${url}: the run costs ${formatDollars(dollars)} on AWS\n`);
    const outcomes: StepOutcome[] = [];
    for await (const outcome of withProgress(selected, options, terminal)) {
      outcomes.push(outcome);
      print(describeOutcome(outcome));
    }
    const isInterrupted = terminal.interrupted.aborted;
    const hasFailed = outcomes.some(({ outcome }) => outcome === 'fail');
    print(`${isInterrupted ? 'Interrupted' : summarize(outcomes)}\n`);
    if (values.json) {
      const report = { url, passed: !hasFailed && !isInterrupted, dollars, steps: outcomes };
      terminal.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
    }
    if (isInterrupted) return 1;
    return hasFailed ? exitNegative : 0;
  },
};

/** Runs the steps until an interruption, and shows the next one as progress. */
async function* withProgress(
  selected: readonly Step[],
  options: DoctorOptions,
  { stderr, interrupted }: Terminal,
): AsyncGenerator<StepOutcome> {
  const progress = progressOn(stderr);
  let count = 0;
  const showNext = () => {
    const next = selected[count];
    if (next) progress.show(`${count + 1}/${selected.length} ${next.title}`);
  };
  try {
    showNext();
    for await (const outcome of runSteps(options, selected)) {
      count += 1;
      progress.clear();
      yield outcome;
      if (interrupted.aborted) return;
      showNext();
    }
  } finally {
    progress.clear();
  }
}

function parseUrl([url, ...rest]: string[]): string {
  if (url === undefined) throw new UsageError('doctor needs the wss:// address of the gateway');
  if (rest.length > 0) throw new UsageError(`doctor takes one address, not also "${rest[0]}"`);
  if (/^wss?:\/\//.test(url) && URL.canParse(url)) return url;
  throw new UsageError(`doctor takes a wss:// address, not "${url}"`);
}

function parseDoctorOptions(values: Values, url: string, { interrupted }: Terminal): DoctorOptions {
  const topic = values.topic ?? 'cirrus/doctor';
  topicName('-t', topic);
  const timeoutMs = milliseconds('-W', values.timeout ?? '15');
  if (timeoutMs === 0) throw new UsageError('-W takes more than 0 seconds');
  const headers = values['token-file'] === undefined ? undefined : bearerHeaders(values['token-file']);
  headers?.(); // Fails now, not in a step, if the file cannot be read.
  return {
    address: { url, headers, timeoutMs },
    login: { username: values.username, password: values.pw },
    id: values.id ?? `doctor-${randomBytes(4).toString('hex')}`,
    topic,
    idleSeconds: wholeNumber('--idle', values.idle ?? '10', { min: 0, max: 900 }),
    interrupted,
  };
}

function parseSteps({ only = [] }: Values): readonly Step[] {
  const names = steps.map(({ name }) => name);
  const unknown = only.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new UsageError(`--only takes ${names.join(', ')}, not "${unknown}"`);
  return selectSteps(only);
}

function costOf({ idleSeconds }: DoctorOptions, selected: readonly Step[]): number {
  const load = { payload: 4, qos: 1, fanout: 1 } as const;
  const run = { load, messages: 0, pings: 0, connections: 0, seconds: 0 };
  const runs: Record<string, Run> = {
    login: { ...run, connections, pings, seconds: 60 + idleSeconds },
    order: { ...run, messages: orderedFrames },
    'round-trip': { ...run, load: { ...load, qos: 0 }, messages: roundTrips },
    'packet-96k': { ...run, load: { ...load, payload: 97_000 }, messages: 2 },
  };
  return selected.reduce((sum, { name }) => sum + (runs[name] ? runDollars(runs[name]) : 0), 0);
}

const outcomeLabels = { pass: 'pass', fail: 'FAIL', skip: 'skip' } as const;

function describeOutcome({ step, title, outcome, detail }: StepOutcome): string {
  return `${outcomeLabels[outcome]}  ${step.padEnd(12)} ${title}: ${detail}\n`;
}

function summarize(outcomes: readonly StepOutcome[]): string {
  const countOf = (kind: StepOutcome['outcome']) => outcomes.filter(({ outcome }) => outcome === kind).length;
  const skipped = countOf('skip') > 0 ? `, ${countOf('skip')} skipped` : '';
  const failed = countOf('fail');
  return failed === 0 ? `All checks passed${skipped}` : `${failed} of ${outcomes.length} checks failed${skipped}`;
}
