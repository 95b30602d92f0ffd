import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildSync } from 'esbuild';
import { type FunctionName, functions } from '../lambdas/deployment';
import type { Settings } from '../lambdas/settings';
import { configurationBudget } from '../lib/access-variable';
import { bridgeVariableOf } from '../lib/bridge-variable';
import { bundlingOptions } from '../lib/bundling';

/** A function as the stack deploys it. */
export interface DeployedBundle {
  readonly code: Uint8Array;
  /** Files that anything of it comes from. */
  readonly sources: readonly string[];
}

export function bundleOf(name: FunctionName, awsClients: Settings['awsClients'] = 'lean'): DeployedBundle {
  const { minify, target, mainFields, define, tsconfig } = bundlingOptions({ awsClients });
  const { outputFiles, metafile } = buildSync({
    entryPoints: [functions[name].entry],
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
  const [output] = Object.values(metafile.outputs);
  return { code: outputFiles[0]!.contents, sources: Object.keys(output!.inputs) };
}

const everything = { direction: 'out', filter: '#', localPrefix: '', remotePrefix: '', qos: 1, retain: false } as const;

// What a function cannot be loaded without, and what the SDK would otherwise warn of.
const environment = {
  AWS_REGION: 'us-east-1',
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  ...bridgeVariableOf({ broker: 'bench', entries: [everything] }, configurationBudget),
};
const load = 'const from = performance.now(); require(process.argv[1]); console.log(performance.now() - from)';

/** Milliseconds that fresh processes take to load it. */
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
