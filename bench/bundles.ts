import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { buildSync } from 'esbuild';
import { type FunctionName, functions } from '../lambdas/deployment';
import type { Settings } from '../lambdas/settings';
import { configurationBudget } from '../lib/access-variable';
import { bridgeVariableOf } from '../lib/bridge-variable';
import { bundlingOptions } from '../lib/bundling';

/** A Lambda function as the stack deploys it. */
export interface DeployedBundle {
  readonly code: Uint8Array;
  /** Paths of the source files in the bundle. */
  readonly sources: readonly string[];
}

/** Entry points by function. The brake is deployed beside the broker's functions, which it knows nothing of. */
const entries: { readonly [Name in BundledFunction]: string } = {
  ...(Object.fromEntries(Object.entries(functions).map(([name, { entry }]) => [name, entry])) as {
    readonly [Name in FunctionName]: string;
  }),
  onBrake: 'lambdas/on-brake.ts',
};

export type BundledFunction = FunctionName | 'onBrake';

/** Names of all functions that the stack may deploy. */
export const bundledFunctions = Object.keys(entries) as BundledFunction[];

export function bundleOf(name: BundledFunction, awsClients: Settings['awsClients'] = 'lean'): DeployedBundle {
  return bundlesOf([name], awsClients)[0]!;
}

/** Bundles of several functions, in the order of their names. Building them together takes little longer than one. */
export function bundlesOf(
  names: readonly BundledFunction[],
  awsClients: Settings['awsClients'] = 'lean',
): DeployedBundle[] {
  const { minify, target, mainFields, define, tsconfig } = bundlingOptions({ awsClients });
  const { outputFiles, metafile } = buildSync({
    entryPoints: Object.fromEntries(names.map((name) => [name, entries[name]])),
    absWorkingDir: resolve(__dirname, '..'),
    outdir: '.',
    write: false,
    metafile: true,
    bundle: true,
    platform: 'node',
    minify,
    target,
    mainFields,
    define,
    tsconfig,
  });
  return names.map((name) => {
    const file = outputFiles.find(({ path }) => basename(path) === `${name}.js`);
    return { code: file!.contents, sources: Object.keys(metafile.outputs[`${name}.js`]!.inputs) };
  });
}

const everything = { direction: 'out', filter: '#', localPrefix: '', remotePrefix: '', qos: 1, retain: false } as const;

// Variables that the functions need to load; one turns a warning of the SDK off.
const environment = {
  AWS_REGION: 'us-east-1',
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  ...bridgeVariableOf({ broker: 'bench', entries: [everything] }, configurationBudget),
};
const load = 'const from = performance.now(); require(process.argv[1]); console.log(performance.now() - from)';

/** Durations of loading the bundle in fresh processes, in milliseconds. */
export function loadTimes({ code }: DeployedBundle, processes: number): number[] {
  const folder = mkdtempSync(join(tmpdir(), 'cirrus-bundle-'));
  const file = join(folder, 'index.js');
  writeFileSync(file, code);
  try {
    return Array.from({ length: processes }, () =>
      Number(execFileSync(process.execPath, ['-e', load, file], { env: environment, encoding: 'utf8' })),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}
