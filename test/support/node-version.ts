import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Major version of Node.js in development and CI, the version of the functions in Lambda. */
export const deployedNode = readFileSync(join(__dirname, '../../.nvmrc'), 'utf8').trim();

/**
 * Returns a warning about the version of Node.js that runs the tests; undefined if it is the version of the functions, or starts with the
 * version that CI requires.
 *
 * @throws Error if CI requires another version.
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

/** Runs before all tests. */
export default function globalSetup(): void {
  const remark = remarkOn(process.versions.node, process.env.DEMANDED_NODE);
  if (remark !== undefined) process.stderr.write(`\nWARNING: ${remark}\n`);
}
