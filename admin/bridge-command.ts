import { type Command, UsageError } from '../clients/commands/command';
import { parseOptions } from '../clients/options';
import { syncIn, syncOut } from './bridge-sync';
import { bridgeTargetFlags, bridgeTargetHelp, openBridge } from './open-bridge';
import { withLocalAddress } from './open-directory';

const help = `usage: cirrus-mqtt bridge sync [out|in] [where]

Brings what is retained on one side of the bridge to the other, once: by entries that have "retain": true. "out" is from
this broker to AWS IoT Core, "in" the other way; both if neither is said, out first. What one side got from the other stays.

${bridgeTargetHelp}`;

/** `cirrus-mqtt bridge`: retained messages over the bridge, on demand. */
export const bridgeCommand: Command = {
  help,
  async run([verb, ...args], { stdout }) {
    if (verb !== 'sync') throw new UsageError(`bridge takes sync, not "${verb ?? ''}"`);
    const { values, positionals } = parseOptions(withLocalAddress(args), bridgeTargetFlags, true);
    const [direction, ...rest] = positionals;
    if (rest.length > 0 || !['out', 'in', undefined].includes(direction)) {
      throw new UsageError(`bridge sync takes out or in, not "${positionals.join(' ')}"`);
    }
    const sides = await openBridge(values);
    if (direction !== 'in') stdout.write(`${await syncOut(sides)} retained messages on their way out\n`);
    if (direction !== 'out') stdout.write(`${await syncIn(sides)} retained messages on their way in\n`);
    return 0;
  },
};
