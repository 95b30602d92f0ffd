import { withLocalAddress } from '../admin/local-cloud';
import { apiFlags, apiHelp, openApi } from '../admin/open-api';
import { type Command, type Flags, type Terminal, UsageError } from '../command';
import { topicFilter, topicName } from '../flag-values';
import { type ParsedValues, parseOptions, parseOptionsAndArguments } from '../parse-options';
import { printable, quoted } from '../terminal-text';

const help = `usage: cirrus-mqtt retained list         [broker] [--filter F] [--json]
       cirrus-mqtt retained get TOPIC    [broker] [--json]
       cirrus-mqtt retained delete TOPIC [broker]
       cirrus-mqtt retained delete --filter F [broker] [--yes]

Lists, prints and deletes retained messages.

${apiHelp}
for list and delete:
  --filter F           only topics that match this filter

for delete:
  --yes                delete the matching messages; without it the command only lists them

for list and get:
  --json               print all details as JSON; without it, get prints the bare payload
`;

type Verb = (args: string[], terminal: Terminal) => Promise<void>;

const flagsOf = {
  list: { ...apiFlags, json: { type: 'boolean' }, filter: { type: 'string' } },
  get: { ...apiFlags, json: { type: 'boolean' } },
  delete: { ...apiFlags, filter: { type: 'string' }, yes: { type: 'boolean' } },
} as const satisfies Record<string, Flags>;

/** `cirrus-mqtt retained`: manages retained messages, on AWS or in the local cloud. */
export const retainedCommand: Command = {
  help,
  verbs: flagsOf,
  async run([verb = '', ...args], terminal) {
    const perform = Object.hasOwn(verbs, verb) ? verbs[verb as keyof typeof verbs] : undefined;
    if (!perform) throw new UsageError(`retained takes ${Object.keys(verbs).join(', ')}, not "${verb}"`);
    await perform(withLocalAddress(args), terminal);
    return 0;
  },
};

const verbs = { list, get, delete: deleteRetained } satisfies Record<string, Verb>;

async function list(args: string[], { stdout }: Terminal): Promise<void> {
  const { values } = parseOptions(args, flagsOf.list);
  for await (const message of openApi('retained', values).retained(listOptions(values))) {
    const { topic, qos, payloadBytes } = message;
    const line = `${printable(topic)} (QoS ${qos}, ${payloadBytes} bytes)`;
    stdout.write(`${values.json ? JSON.stringify(message) : line}\n`);
  }
}

function listOptions({ filter }: { filter?: string }) {
  return { limit: 500, ...(filter !== undefined && { filter: topicFilter('--filter', filter) }) };
}

async function get(args: string[], { stdout }: Terminal): Promise<void> {
  const { topic, values } = parseTopicAndFlags('get', args, flagsOf.get);
  const message = await openApi('retained', values).retainedMessage(topic);
  if (values.json) stdout.write(`${JSON.stringify(message, undefined, 2)}\n`);
  else stdout.write(Buffer.from(message.payload, 'base64'));
}

async function deleteRetained(args: string[], terminal: Terminal): Promise<void> {
  const { values } = parseOptionsAndArguments(args, flagsOf.delete);
  if (values.filter === undefined) await deleteOne(args, terminal);
  else await deleteMatching(args, terminal);
}

async function deleteOne(args: string[], { stdout }: Terminal): Promise<void> {
  const { topic, values } = parseTopicAndFlags('delete', args, flagsOf.delete);
  if (values.yes) throw new UsageError('--yes needs --filter');
  await openApi('retained', values).deleteRetained(topic);
  stdout.write(`retained message of ${quoted(topic)} deleted\n`);
}

async function deleteMatching(args: string[], { stdout }: Terminal): Promise<void> {
  const { values } = parseOptions(args, flagsOf.delete);
  const api = openApi('retained', values);
  const found: string[] = [];
  for await (const { topic } of api.retained(listOptions(values))) found.push(topic);
  for (const topic of found) {
    if (values.yes) await api.deleteRetained(topic);
    stdout.write(`${printable(topic)}\n`);
  }
  const outcome = values.yes ? 'deleted' : 'match; --yes deletes them';
  stdout.write(`${found.length} retained messages ${outcome}\n`);
}

function parseTopicAndFlags<F extends Flags>(verb: string, args: string[], flags: F) {
  const { values, positionals } = parseOptionsAndArguments(args, flags);
  const [topic, ...rest] = positionals;
  if (topic === undefined) throw new UsageError(`retained ${verb} needs a topic`);
  if (rest.length > 0) throw new UsageError(`retained ${verb} takes one topic, not also "${rest[0]}"`);
  return { topic: topicName(`retained ${verb}`, topic), values: values as ParsedValues<F> };
}
