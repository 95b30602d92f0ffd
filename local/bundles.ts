import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { type BuildOptions, buildSync, stop, version } from 'esbuild';
import type { FunctionName } from '../lambdas/deployment';
import { bundleConstants, type Settings } from '../lambdas/settings';
import { type Build, BuildCache, type BuiltFile } from './build-cache';

type ByFunction<Value> = { readonly [Name in FunctionName]?: Value };

export interface Bundles {
  readonly functions: ByFunction<string>;
  readonly containerThread: string;
  readonly dynamoDbThread: string;
  remove(): void;
}

/** Root of the project, to which entry points are relative. */
const projectRoot = resolve(__dirname, '..');

const threads = {
  containerThread: 'local/lambda/container-thread.ts',
  dynamoDbThread: 'local/dynamodb/dynamodb-thread.ts',
};

const cache = new BuildCache(projectRoot, join(projectRoot, 'node_modules/.cache/cirrus-mqtt'));

/** Builds of this process: tests start many clouds from the same sources. */
const built = new Map<string, readonly BuiltFile[]>();

/** Bundles functions as they are deployed, and the threads of the local cloud, into a temporary folder. */
export function bundle(entries: ByFunction<string>, settings: Settings): Bundles {
  const files = buildOnce({ ...entries, ...threads }, bundleConstants(settings));
  const folder = join(tmpdir(), `cirrus-${randomUUID()}`);
  mkdirSync(folder);
  for (const { name, contents } of files) writeFileSync(join(folder, name), contents);
  const file = (name: string) => join(folder, `${name}.js`);
  const functions = Object.fromEntries(Object.keys(entries).map((name) => [name, file(name)]));
  return {
    functions: functions as ByFunction<string>,
    containerThread: file('containerThread'),
    dynamoDbThread: file('dynamoDbThread'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function buildOnce(entryPoints: Record<string, string>, define: Record<string, string>): readonly BuiltFile[] {
  const options = buildOptions(entryPoints, define);
  const key = JSON.stringify({ esbuild: version, options });
  const files = built.get(key) ?? cache.get(key, () => build(options));
  built.set(key, files);
  return files;
}

function buildOptions(entryPoints: Record<string, string>, define: Record<string, string>) {
  return {
    entryPoints,
    absWorkingDir: projectRoot,
    outdir: projectRoot, // Only for the source maps, whose paths are relative to it; nothing is written.
    sourceRoot: projectRoot,
    write: false,
    metafile: true,
    bundle: true,
    platform: 'node',
    target: 'node20',
    mainFields: ['module', 'main'], // as in the stack
    define,
    tsconfig: join(projectRoot, 'tsconfig.json'), // as in the stack
    sourcemap: 'external', // beside each bundle
    sourcesContent: false,
    logLevel: 'silent', // The thrown error has all of it.
  } as const satisfies BuildOptions;
}

function build(options: ReturnType<typeof buildOptions>): Build {
  try {
    const { outputFiles, metafile } = buildSync(options);
    const files = outputFiles.map(({ path, contents }) => ({ name: basename(path), contents }));
    return { files, inputs: Object.keys(metafile.inputs) };
  } finally {
    stop(); // otherwise esbuild's process lives as long as this one
  }
}
