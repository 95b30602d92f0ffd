import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildSync } from 'esbuild';
import type { FunctionName } from '../lambdas/deployment';

/** The root of the project, from which entry points are named. */
export const projectRoot = resolve(__dirname, '..');

export interface Bundles {
  readonly functions: Readonly<Record<FunctionName, string>>;
  readonly containerThread: string;
  readonly dynamoDbThread: string;
  remove(): void;
}

/** Bundles every function as it is deployed, and the threads of the local cloud, into a temporary folder. */
export function bundle(entries: Readonly<Record<FunctionName, string>>): Bundles {
  const folder = join(tmpdir(), `cirrus-${randomUUID()}`);
  const threads = {
    containerThread: 'local/lambda/container-thread.ts',
    dynamoDbThread: 'local/dynamodb/dynamodb-thread.ts',
  };
  // The synchronous call leaves no esbuild process behind.
  buildSync({
    entryPoints: { ...entries, ...threads },
    absWorkingDir: projectRoot,
    outdir: folder,
    bundle: true,
    platform: 'node',
    target: 'node20',
    sourcemap: 'inline',
    sourcesContent: false,
    logLevel: 'silent', // The error that is thrown has all of it.
  });
  const file = (name: string) => join(folder, `${name}.js`);
  const functions = Object.fromEntries(Object.keys(entries).map((name) => [name, file(name)]));
  return {
    functions: functions as Record<FunctionName, string>,
    containerThread: file('containerThread'),
    dynamoDbThread: file('dynamoDbThread'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
