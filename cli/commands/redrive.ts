import { SQSClient } from '@aws-sdk/client-sqs';
import { withLocalAddress } from '../admin/accounts-table';
import { moveDeadLetters } from '../admin/move-dead-letters';
import { type Command, type Flags, UsageError } from '../command';
import { parseOptions } from '../parse-options';
import { type Progress, progressOn } from '../progress';

const help = `usage: cirrus-mqtt redrive URL
       cirrus-mqtt redrive QUEUE --local [URL]

Moves dead letters back into their queue, once what stood in their way is gone. Those of a FIFO queue keep their order
among themselves, but come after what has been sent since.

  URL                  on AWS: the address that "cdk deploy" printed as BridgeDeadLettersUrl or the like; AWS_REGION,
                       AWS_PROFILE and the like say in which Region and with which credentials
  QUEUE                in the local cloud: packets, fanOut, timer, bridge, bridgeIn
  --local [URL]        the local cloud, at http://127.0.0.1:8080
  --json               how many they were, as JSON
`;

const flags = { local: { type: 'string' }, json: { type: 'boolean' } } as const satisfies Flags;

/** `cirrus-mqtt redrive`: dead letters get another chance. */
export const redriveCommand: Command = {
  help,
  flags,
  async run(args, { stdout, stderr }) {
    const { values, positionals } = parseOptions(withLocalAddress(args), flags, true);
    const [queue, ...rest] = positionals;
    if (queue === undefined || rest.length > 0) throw new UsageError('redrive needs one queue');
    const progress = progressOn(stderr);
    const moving = values.local === undefined ? redriveOnAws(queue, progress) : redriveLocally(queue, values.local);
    const moved = await moving.finally(() => progress.clear());
    stdout.write(values.json ? `${JSON.stringify({ moved })}\n` : `${moved} dead letters moved back\n`);
    return 0;
  },
};

async function redriveOnAws(url: string, progress: Progress): Promise<number> {
  if (!URL.canParse(url)) throw new UsageError(`"${url}" is no address; --local takes the name of a queue`);
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  const onMoved = (moved: number, all: number) => progress.show(`${moved} of about ${all} dead letters moved`);
  return moveDeadLetters(new SQSClient(), url, { onMoved });
}

async function redriveLocally(queue: string, address: string): Promise<number> {
  const headers = { 'x-cirrus-control': 'redrive' };
  const response = await fetch(new URL('/redrive', address), { method: 'POST', headers, body: queue });
  const answer = (await response.json()) as { moved?: number; message?: string };
  if (answer.moved === undefined) throw new Error(answer.message ?? `the local cloud answered ${response.status}`);
  return answer.moved;
}
