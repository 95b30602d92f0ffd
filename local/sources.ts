import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

/** What the local cloud is built from when it starts, and what the packed program does not bring. */
const neededFiles = [
  'local/lambda/container-thread.ts',
  'lambdas/on-packets.ts',
  'console/vite.config.mts',
  'tsconfig.json',
];
const neededPackages = ['esbuild', 'dynalite', 'vite'];

/** @throws Error which names what is not there, and where the local cloud can be started. */
export function needSources(root = resolve(__dirname, '..')): void {
  const { resolve: find } = createRequire(join(root, 'package.json'));
  const missing = [
    ...neededFiles.filter((file) => !existsSync(join(root, file))),
    ...neededPackages.filter((name) => !isFound(() => find(name))),
  ];
  if (missing.length === 0) return;
  throw new Error(
    `the local cloud is built from its sources, and ${root} is without ${missing.join(', ')}: ` +
      'run "npm ci && npm start" in a checkout of the project',
  );
}

function isFound(find: () => string): boolean {
  try {
    find();
    return true;
  } catch {
    return false;
  }
}
