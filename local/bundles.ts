import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { buildSync, type OutputFile } from 'esbuild';
import type { FunctionName } from '../lambdas/deployment';
import { bundleConstants, type Settings } from '../lambdas/settings';

type ByFunction<Value> = { readonly [Name in FunctionName]?: Value };

export interface Bundles {
  readonly functions: ByFunction<string>;
  readonly containerThread: string;
  readonly dynamoDbThread: string;
  remove(): void;
}

/** The root of the project, from which entry points are named. */
const projectRoot = resolve(__dirname, '..');

const threads = {
  containerThread: 'local/lambda/container-thread.ts',
  dynamoDbThread: 'local/dynamodb/dynamodb-thread.ts',
};

/** What this process has built already: tests start many clouds of the same sources. */
const built = new Map<string, readonly OutputFile[]>();

/** Bundles functions as they are deployed, and the threads of the local cloud, into a temporary folder. */
export function bundle(entries: ByFunction<string>, settings: Settings): Bundles {
  const files = buildOnce({ ...entries, ...threads }, bundleConstants(settings));
  const folder = join(tmpdir(), `cirrus-${randomUUID()}`);
  mkdirSync(folder);
  for (const { path, contents } of files) writeFileSync(join(folder, basename(path)), contents);
  const file = (name: string) => join(folder, `${name}.js`);
  const functions = Object.fromEntries(Object.keys(entries).map((name) => [name, file(name)]));
  return {
    functions: functions as ByFunction<string>,
    containerThread: file('containerThread'),
    dynamoDbThread: file('dynamoDbThread'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function buildOnce(entryPoints: Record<string, string>, define: Record<string, string>): readonly OutputFile[] {
  const key = JSON.stringify({ entryPoints, define });
  const files = built.get(key) ?? build(entryPoints, define);
  built.set(key, files);
  return files;
}

function build(entryPoints: Record<string, string>, define: Record<string, string>): readonly OutputFile[] {
  // The synchronous call leaves no esbuild process behind.
  const { outputFiles } = buildSync({
    entryPoints,
    absWorkingDir: projectRoot,
    outdir: projectRoot, // Only for the source maps, whose paths are relative to it; nothing is written.
    sourceRoot: projectRoot,
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node20',
    mainFields: ['module', 'main'], // as in the stack
    define,
    tsconfig: join(projectRoot, 'tsconfig.json'), // as in the stack
    sourcemap: 'inline',
    sourcesContent: false,
    logLevel: 'silent', // The error that is thrown has all of it.
  });
  return outputFiles;
}
