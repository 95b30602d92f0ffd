import { SQSClient } from '@aws-sdk/client-sqs';
import { withLocalAddress } from '../admin/local-cloud';
import { moveDeadLetters } from '../admin/move-dead-letters';
import { silenceSdkNodeWarning } from '../admin/sdk-warnings';
import { type Command, type Flags, UsageError } from '../command';
import { parseOptionsAndArguments } from '../parse-options';
import { type Progress, progressOn } from '../progress';

const help = `usage: cirrus-mqtt redrive URL
       cirrus-mqtt redrive QUEUE --local [URL]

Moves dead letters back to their queue, after their cause is fixed. Dead letters of a FIFO queue keep their order, but
come after the messages that were sent in the meantime.

  URL                  on AWS: URL of a dead-letter queue in the stack outputs, for example BridgeDeadLettersUrl;
                       AWS_REGION, AWS_PROFILE and the other variables of the SDK select Region and credentials
  QUEUE                in the local cloud: packets, fanOut, timer, bridge or bridgeIn
  --local [URL]        local cloud; default http://127.0.0.1:8080
  --json               print the number of moved dead letters as JSON
`;

const flags = { local: { type: 'string' }, json: { type: 'boolean' } } as const satisfies Flags;

/** `cirrus-mqtt redrive`: moves dead letters back to their source queue. */
export const redriveCommand: Command = {
  help,
  flags,
  async run(args, { stdout, stderr }) {
    const { values, positionals } = parseOptionsAndArguments(withLocalAddress(args), flags);
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
  if (!URL.canParse(url)) throw new UsageError(`"${url}" is not a URL; a queue name needs --local`);
  silenceSdkNodeWarning();
  const onMoved = (moved: number, all: number) => progress.show(`${moved} of about ${all} dead letters moved`);
  return moveDeadLetters(new SQSClient(), url, { onMoved });
}

async function redriveLocally(queue: string, address: string): Promise<number> {
  const headers = { 'x-cirrus-control': 'redrive' };
  const response = await fetch(new URL('/redrive', address), { method: 'POST', headers, body: queue });
  const result = (await response.json()) as { moved?: number; message?: string };
  if (result.moved === undefined) throw new Error(result.message ?? `the local cloud answered ${response.status}`);
  return result.moved;
}
