import { type BridgeSides, syncIn, syncOut } from '../admin/bridge-sync';
import { withLocalAddress } from '../admin/local-cloud';
import { bridgeTargetFlags, bridgeTargetHelp, openBridge } from '../admin/open-bridge';
import { type Command, type Flags, UsageError } from '../command';
import { parseOptionsAndArguments } from '../parse-options';
import { type Progress, progressOn } from '../progress';

const help = `usage: cirrus-mqtt bridge sync [out|in] [broker]

Copies the retained messages of bridge entries with "retain": true, once: "out" from this broker to AWS IoT Core, "in"
from AWS IoT Core to this broker; by default "out", then "in". Messages that came through the bridge are not copied
back.

${bridgeTargetHelp}
  --json               print the number of messages as JSON
`;

const flags = { ...bridgeTargetFlags, json: { type: 'boolean' } } as const satisfies Flags;

/** `cirrus-mqtt bridge`: copies retained messages through the bridge, on demand. */
export const bridgeCommand: Command = {
  help,
  verbs: { sync: flags },
  async run([verb, ...args], { stdout, stderr }) {
    if (verb !== 'sync') throw new UsageError(`bridge takes sync, not "${verb ?? ''}"`);
    const { values, positionals } = parseOptionsAndArguments(withLocalAddress(args), flags);
    const [direction, ...rest] = positionals;
    if (rest.length > 0 || !['out', 'in', undefined].includes(direction)) {
      throw new UsageError(`bridge sync takes out or in, not "${positionals.join(' ')}"`);
    }
    const sides = await openBridge(values);
    const report = (text: string) => values.json || stdout.write(text);
    const out = direction === 'in' ? undefined : await syncOut(sides);
    if (out !== undefined) report(`${out} retained messages sent to AWS IoT Core\n`);
    const inbound = direction === 'out' ? undefined : await syncInWith(progressOn(stderr), sides);
    if (inbound !== undefined) report(`${inbound} retained messages sent to this broker\n`);
    if (values.json) stdout.write(`${JSON.stringify({ out, in: inbound })}\n`);
    return 0;
  },
};

/** Shows the progress: AWS IoT Core returns one retained message for each request, so many messages take long. */
async function syncInWith(progress: Progress, sides: BridgeSides): Promise<number> {
  try {
    return await syncIn(sides, (count) => progress.show(`${count} retained messages sent to this broker`));
  } finally {
    progress.clear();
  }
}
