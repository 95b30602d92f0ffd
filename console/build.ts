import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

const projectRoot = resolve(__dirname, '..');
const built = join(projectRoot, 'dist/console');

/** Returns the folder of the built page. Builds it if the sources have changed. @throws Error with the output of Vite. */
export function builtConsole(): string {
  // An installed package contains the built page, but no sources.
  const name = existsSync(join(projectRoot, 'console')) ? sourceHash() : readdirSync(built)[0]!;
  const folder = join(built, name);
  if (existsSync(folder)) return folder;
  // Builds into another folder and renames it, so that an existing folder is complete: processes may build concurrently.
  const draft = join(projectRoot, `dist/.console-${process.pid}`);
  build(draft);
  mkdirSync(built, { recursive: true });
  adopt(draft, folder);
  for (const other of readdirSync(built)) if (other !== name) rmSync(join(built, other), { recursive: true });
  return folder;
}

function build(folder: string): void {
  const { status, error, stdout, stderr } = spawnSync(
    process.execPath,
    [
      join(projectRoot, 'node_modules/vite/bin/vite.js'),
      'build',
      ...['--config', join(projectRoot, 'console/vite.config.mts')],
      ...['--outDir', folder],
      ...['--logLevel', 'warn'],
    ],
    // A test may set another NODE_ENV, but the page is always built for production.
    { cwd: projectRoot, encoding: 'utf8', env: { ...process.env, NODE_ENV: 'production' } },
  );
  if (status !== 0) throw new Error(`the console could not be built: ${error ?? `${stdout}${stderr}`}`);
}

function adopt(draft: string, folder: string): void {
  try {
    renameSync(draft, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
    rmSync(draft, { recursive: true }); // Another process has built the same page.
  }
}

/** Hashes all inputs of the build: sources of the page and of the clients, and the versions of packages. */
function sourceHash(): string {
  const hash = createHash('sha256');
  for (const path of [...filesBelow('console'), ...clientFiles(), 'package-lock.json']) {
    hash.update(`${path}\0`).update(readFileSync(join(projectRoot, path)));
  }
  return hash.digest('hex').slice(0, 16);
}

function filesBelow(folder: string): string[] {
  const entries = readdirSync(join(projectRoot, folder), { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map((entry) => relative(projectRoot, join(entry.parentPath, entry.name))).sort();
}

/** Lists the TypeScript files of the clients, without the folders of other languages. */
function clientFiles(): string[] {
  const names = readdirSync(join(projectRoot, 'clients')).filter((name) => name.endsWith('.ts'));
  return names.sort().map((name) => join('clients', name));
}
