import { withLocalAddress } from '../admin/accounts-table';
import { quoted, shown } from '../admin/describe-account';
import { apiFlags, apiHelp, openApi } from '../admin/open-api';
import { type Command, type Flags, type Terminal, UsageError } from '../command';
import { type ParsedValues, parseOptions, topicFilter, topicName } from '../parse-options';

const help = `usage: cirrus-mqtt retained list         [where] [--filter F] [--json]
       cirrus-mqtt retained get TOPIC    [where] [--json]
       cirrus-mqtt retained delete TOPIC [where]
       cirrus-mqtt retained delete --filter F [where] [--yes]

What is kept for new subscribers.

${apiHelp}
for list and delete:
  --filter F           of topics that match only

for delete:
  --yes                delete what matches the filter; without it only say what that is

for list and get:
  --json               all that is known, as JSON; get prints the bare payload without it
`;

type Verb = (args: string[], terminal: Terminal) => Promise<void>;

const flagsOf = {
  list: { ...apiFlags, json: { type: 'boolean' }, filter: { type: 'string' } },
  get: { ...apiFlags, json: { type: 'boolean' } },
  delete: { ...apiFlags, filter: { type: 'string' }, yes: { type: 'boolean' } },
} as const satisfies Record<string, Flags>;

/** `cirrus-mqtt retained`: retained messages, on AWS or in the local cloud. */
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

const verbs = { list, get, delete: remove } satisfies Record<string, Verb>;

async function list(args: string[], { stdout }: Terminal): Promise<void> {
  const { values } = parseOptions(args, flagsOf.list);
  for await (const message of openApi('retained', values).retained(pages(values))) {
    const { topic, qos, payloadBytes } = message;
    const line = `${shown(topic)} (QoS ${qos}, ${payloadBytes} bytes)`;
    stdout.write(`${values.json ? JSON.stringify(message) : line}\n`);
  }
}

function pages({ filter }: { filter?: string }) {
  return { limit: 500, ...(filter !== undefined && { filter: topicFilter('--filter', filter) }) };
}

async function get(args: string[], { stdout }: Terminal): Promise<void> {
  const { topic, values } = parseNamed('get', args, flagsOf.get);
  const message = await openApi('retained', values).retainedMessage(topic);
  if (values.json) stdout.write(`${JSON.stringify(message, undefined, 2)}\n`);
  else stdout.write(Buffer.from(message.payload, 'base64'));
}

async function remove(args: string[], terminal: Terminal): Promise<void> {
  const { values } = parseOptions(args, flagsOf.delete, true);
  if (values.filter === undefined) await removeOne(args, terminal);
  else await removeAll(args, terminal);
}

async function removeOne(args: string[], { stdout }: Terminal): Promise<void> {
  const { topic, values } = parseNamed('delete', args, flagsOf.delete);
  if (values.yes) throw new UsageError('--yes needs --filter');
  await openApi('retained', values).deleteRetained(topic);
  stdout.write(`nothing is retained for ${quoted(topic)} any more\n`);
}

async function removeAll(args: string[], { stdout }: Terminal): Promise<void> {
  const { values } = parseOptions(args, flagsOf.delete);
  const api = openApi('retained', values);
  const found: string[] = [];
  for await (const { topic } of api.retained(pages(values))) found.push(topic);
  for (const topic of found) {
    if (values.yes) await api.deleteRetained(topic);
    stdout.write(`${shown(topic)}\n`);
  }
  const outcome = values.yes ? 'deleted' : 'match; --yes deletes them';
  stdout.write(`${found.length} retained messages ${outcome}\n`);
}

function parseNamed<F extends Flags>(verb: string, args: string[], flags: F) {
  const { values, positionals } = parseOptions(args, flags, true);
  const [topic, ...rest] = positionals;
  if (topic === undefined) throw new UsageError(`retained ${verb} needs a topic`);
  if (rest.length > 0) throw new UsageError(`retained ${verb} takes one topic, not also "${rest[0]}"`);
  return { topic: topicName(`retained ${verb}`, topic), values: values as ParsedValues<F> };
}
