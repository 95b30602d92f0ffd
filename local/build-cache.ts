import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { deserialize, serialize } from 'node:v8';

export interface BuiltFile {
  readonly name: string;
  readonly contents: Uint8Array;
}

export interface Build {
  readonly files: readonly BuiltFile[];
  /** Files that anything of it comes from, named from the root of the project. */
  readonly inputs: readonly string[];
}

interface StoredBuild extends Build {
  readonly fingerprint: string;
}

/** What besides a source decides how it is read and which files its imports name. */
const configurations = ['package.json', 'tsconfig.json'];

/** Builds on disk, each as long as it is what its sources would give again. Processes may share a folder. */
export class BuildCache {
  constructor(
    private readonly root: string,
    private readonly folder: string,
    /** Milliseconds that the time stamps of the file system may be behind the clock. */
    private readonly stampTolerance = 1000,
  ) {}

  /** What was made under this key, if nothing has changed that it came from; otherwise what `make` makes now. */
  get(key: string, make: () => Build): readonly BuiltFile[] {
    const path = join(this.folder, hashOf(process.version, key)); // the form of what is kept is Node's
    const kept = readStored(path);
    if (kept && kept.fingerprint === this.fingerprint(kept.inputs)) return kept.files;
    const begun = Date.now();
    const build = make();
    const fingerprint = this.fingerprint(build.inputs);
    if (!this.touchedSince(begun - this.stampTolerance, build.inputs)) store(path, { ...build, fingerprint });
    return build.files;
  }

  /** Of all contents, and of all names beside them and above: an import may find a file that was not there before. */
  private fingerprint(inputs: readonly string[]): string {
    const folders = foldersOf(inputs);
    const names = folders.map((folder) => namesIn(join(this.root, folder)));
    const files = [...inputs, ...this.configurationsOf(inputs)];
    const contents = files.map((file) => hashOf(contentOf(join(this.root, file))));
    return hashOf(JSON.stringify([folders, names, files, contents]));
  }

  /** What is written while it is read may have been read before. */
  private touchedSince(time: number, inputs: readonly string[]): boolean {
    const read = [...inputs, ...this.configurationsOf(inputs), ...foldersOf(inputs)];
    return read.some((path) => (statSync(join(this.root, path), { throwIfNoEntry: false })?.ctimeMs ?? time) >= time);
  }

  private configurationsOf(inputs: readonly string[]): string[] {
    const possible = foldersOf(inputs).flatMap((folder) => configurations.map((name) => join(folder, name)));
    return possible.filter((file) => existsSync(join(this.root, file)));
  }
}

function readStored(path: string): StoredBuild | undefined {
  const bytes = contentOf(path);
  return bytes.length === 0 ? undefined : (deserialize(bytes) as StoredBuild);
}

/** Whole or not at all, for whoever reads at the same time. Where nothing can be written, nothing is kept. */
function store(path: string, build: StoredBuild): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    const unfinished = `${path}.${randomUUID()}`;
    writeFileSync(unfinished, serialize(build));
    renameSync(unfinished, path);
  } catch (error) {
    if (codeOf(error) === undefined) throw error; // not the file system's
  }
}

/** All folders from those of the files up to the root. */
function foldersOf(files: readonly string[]): string[] {
  const folders = new Set<string>();
  for (const file of files) {
    for (let folder = dirname(file); !folders.has(folder); folder = dirname(folder)) folders.add(folder);
  }
  return [...folders];
}

/** Hidden ones are named by no import. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => !name.startsWith('.'))
      .sort();
  } catch (error) {
    return nothingIfAbsent(error, []);
  }
}

function contentOf(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    return nothingIfAbsent(error, Buffer.alloc(0));
  }
}

function nothingIfAbsent<Nothing>(error: unknown, nothing: Nothing): Nothing {
  if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return nothing;
  throw error;
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

function hashOf(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex');
}
