import { withLocalAddress } from '../admin/accounts-table';
import { type BridgeSides, syncIn, syncOut } from '../admin/bridge-sync';
import { bridgeTargetFlags, bridgeTargetHelp, openBridge } from '../admin/open-bridge';
import { type Command, type Flags, UsageError } from '../command';
import { parseOptions } from '../parse-options';
import { type Progress, progressOn } from '../progress';

const help = `usage: cirrus-mqtt bridge sync [out|in] [where]

Brings what is retained on one side of the bridge to the other, once: by entries that have "retain": true. "out" is from
this broker to AWS IoT Core, "in" the other way; both if neither is said, out first. What one side got from the other
stays.

${bridgeTargetHelp}
  --json               how many they were, as JSON
`;

const flags = { ...bridgeTargetFlags, json: { type: 'boolean' } } as const satisfies Flags;

/** `cirrus-mqtt bridge`: retained messages over the bridge, on demand. */
export const bridgeCommand: Command = {
  help,
  verbs: { sync: flags },
  async run([verb, ...args], { stdout, stderr }) {
    if (verb !== 'sync') throw new UsageError(`bridge takes sync, not "${verb ?? ''}"`);
    const { values, positionals } = parseOptions(withLocalAddress(args), flags, true);
    const [direction, ...rest] = positionals;
    if (rest.length > 0 || !['out', 'in', undefined].includes(direction)) {
      throw new UsageError(`bridge sync takes out or in, not "${positionals.join(' ')}"`);
    }
    const sides = await openBridge(values);
    const say = (words: string) => values.json || stdout.write(words);
    const out = direction === 'in' ? undefined : await syncOut(sides);
    if (out !== undefined) say(`${out} retained messages on their way out\n`);
    const into = direction === 'out' ? undefined : await syncInWith(progressOn(stderr), sides);
    if (into !== undefined) say(`${into} retained messages on their way in\n`);
    if (values.json) stdout.write(`${JSON.stringify({ out, in: into })}\n`);
    return 0;
  },
};

/** AWS IoT Core gives one retained message at a time, so many take a while. */
async function syncInWith(progress: Progress, sides: BridgeSides): Promise<number> {
  try {
    return await syncIn(sides, (count) => progress.show(`${count} retained messages on their way in`));
  } finally {
    progress.clear();
  }
}
