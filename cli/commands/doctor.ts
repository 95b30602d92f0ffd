import { randomBytes } from 'node:crypto';
import { bearerHeaders } from '../../clients/bearer';
import { answeredNo, type Command, type Flags, type Terminal, UsageError } from '../command';
import { withoutQuery } from '../connection';
import type { Patient } from '../doctor/examination';
import { chosenSteps, examine, type Outcome, steps } from '../doctor/examine';
import type { Step } from '../doctor/step';
import { orderedFrames, roundTrips } from '../doctor/traffic';
import { inDollars } from '../dollars';
import { milliseconds, type ParsedValues, parseOptions, topicName, wholeNumber } from '../options';
import { type Run, runDollars } from '../pricing/run-bill';
import { progressOn } from '../progress';

const help = `usage: cirrus-mqtt doctor wss://... [-u NAME -P PASSWORD] [options]

Examines an address from the name of its host to a resumed session, and says for each step whether it passed. Client ids
and topics are its own, and what it leaves is removed: sessions and a retained message.
Ends with 0 when nothing failed, with 2 when a step did.

  -u, --username NAME  who logs in, with -P, --pw
  --token-file FILE    brings the token in it to each handshake
  -i, --id ID          beginning of its client ids; random
  -t, --topic TOPIC    where it may publish and subscribe, below it; cirrus/doctor
  --idle S             how long it is quiet, from 0 to 900 seconds; 10. API Gateway ends a connection after 600
  --only STEP          this step and what it needs; may be given again
  -W, --timeout S      how long it waits for any answer; 15 seconds
  --json               all outcomes as JSON

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

/** Connections of all steps, each with at most one subscription that matters, and pings. */
const connections = 12;
const pings = 2;

/** `cirrus-mqtt doctor`: what is wrong with an address, if anything is. */
export const doctorCommand: Command = {
  help,
  flags,
  exits: { [answeredNo]: 'a step failed' },
  async run(args, terminal) {
    const { values, positionals } = parseOptions(args, flags, true);
    const patient = patientOf(values, urlOf(positionals), terminal);
    const chosen = stepsOf(values);
    const dollars = costOf(patient, chosen);
    const url = withoutQuery(patient.address.url);
    if (!values.json) terminal.stdout.write(`${url}: on AWS this costs ${inDollars(dollars)}\n`);
    const outcomes = await takeSteps(patient, chosen, values, terminal);
    const failures = outcomes.filter(({ outcome }) => outcome === 'fail').length;
    const passed = failures === 0 && !terminal.interrupted.aborted;
    if (values.json) {
      const report = { url, passed, dollars, steps: outcomes };
      terminal.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
    } else {
      terminal.stdout.write(`${verdict(outcomes.length, failures)}\n`);
    }
    if (terminal.interrupted.aborted) return 1;
    return passed ? 0 : answeredNo;
  },
};

async function takeSteps(
  patient: Patient,
  chosen: readonly Step[],
  { json }: Values,
  terminal: Terminal,
): Promise<Outcome[]> {
  const { stdout, stderr, interrupted } = terminal;
  const progress = progressOn(stderr);
  const outcomes: Outcome[] = [];
  const showNext = () => {
    const next = chosen[outcomes.length];
    if (next) progress.show(`${outcomes.length + 1}/${chosen.length} ${next.title}`);
  };
  showNext();
  for await (const outcome of examine(patient, chosen)) {
    outcomes.push(outcome);
    progress.clear();
    if (!json) stdout.write(describe(outcome));
    if (interrupted.aborted) break;
    showNext();
  }
  progress.clear();
  return outcomes;
}

function urlOf([url, ...rest]: string[]): string {
  if (url === undefined) throw new UsageError('doctor needs the wss:// address of the gateway');
  if (rest.length > 0) throw new UsageError(`doctor takes one address, not also "${rest[0]}"`);
  if (/^wss?:\/\//.test(url) && URL.canParse(url)) return url;
  throw new UsageError(`the address of the gateway begins with wss://, unlike "${url}"`);
}

function patientOf(values: Values, url: string, { interrupted }: Terminal): Patient {
  const topic = values.topic ?? 'cirrus/doctor';
  topicName('-t', topic);
  const patienceMs = milliseconds('-W', values.timeout ?? '15');
  if (patienceMs === 0) throw new UsageError('-W takes more than 0 seconds');
  const headers = values['token-file'] === undefined ? undefined : bearerHeaders(values['token-file']);
  headers?.(); // a file that is not there is said at once
  return {
    address: { url, headers, patienceMs },
    login: { username: values.username, password: values.pw },
    id: values.id ?? `doctor-${randomBytes(4).toString('hex')}`,
    topic,
    idleSeconds: wholeNumber('--idle', values.idle ?? '10', 0, 900),
    interrupted,
  };
}

function stepsOf({ only = [] }: Values): readonly Step[] {
  const names = steps.map(({ name }) => name);
  const unknown = only.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new UsageError(`--only takes ${names.join(', ')}, not "${unknown}"`);
  return chosenSteps(only);
}

function costOf({ idleSeconds }: Patient, chosen: readonly Step[]): number {
  const load = { payload: 4, qos: 1, fanout: 1 } as const;
  const run = { load, messages: 0, pings: 0, connections: 0, seconds: 0 };
  const runs: Record<string, Run> = {
    login: { ...run, connections, pings, seconds: 60 + idleSeconds },
    order: { ...run, messages: orderedFrames },
    'round-trip': { ...run, load: { ...load, qos: 0 }, messages: roundTrips },
    'packet-96k': { ...run, load: { ...load, payload: 97_000 }, messages: 2 },
  };
  return chosen.reduce((sum, { name }) => sum + (runs[name] ? runDollars(runs[name]) : 0), 0);
}

const marks = { pass: 'pass', fail: 'FAIL', skip: 'skip' } as const;

function describe({ step, title, outcome, detail }: Outcome): string {
  return `${marks[outcome]}  ${step.padEnd(12)} ${title}: ${detail}\n`;
}

function verdict(count: number, failures: number): string {
  if (failures === 0) return `nothing is wrong, as far as ${count} steps tell`;
  return `${failures} of ${count} steps failed`;
}
