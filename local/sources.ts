import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

/** Files and packages that the local cloud needs to start, and that the packed program does not contain. */
const neededFiles = [
  'local/lambda/container-thread.ts',
  'lambdas/on-packets.ts',
  'console/vite.config.mts',
  'tsconfig.json',
];
const neededPackages = ['esbuild', 'dynalite', 'vite'];

/**
 * Checks that all of them are installed.
 *
 * @throws Error with the missing ones, and how to start the local cloud
 */
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
