import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The major version of Node that developers and CI use: that of the functions in Lambda. */
export const deployedNode = readFileSync(join(__dirname, '../../.nvmrc'), 'utf8').trim();

/**
 * What to say about the version of Node that runs the tests; nothing when it is the one of the functions, or the one that CI
 * demands, a version or its beginning.
 *
 * @throws Error when CI demands another one
 */
export function remarkOn(running: string, demanded: string | undefined): string | undefined {
  if (demanded !== undefined) {
    if (!isOf(running, demanded)) throw new Error(`CI demands Node ${demanded}, but Node ${running} runs the tests`);
    return undefined;
  }
  if (isOf(running, deployedNode)) return undefined;
  return `Node ${running} runs these tests, but the functions run on Node ${deployedNode} in Lambda, and CI tests on that. "nvm use" takes it.`;
}

function isOf(running: string, version: string): boolean {
  return `${running}.`.startsWith(`${version}.`);
}

/** Before all tests. */
export default function globalSetup(): void {
  const remark = remarkOn(process.versions.node, process.env.DEMANDED_NODE);
  if (remark !== undefined) process.stderr.write(`\nWARNING: ${remark}\n`);
}
