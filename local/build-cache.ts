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
  /** Source files of the build, relative to the root of the project. */
  readonly inputs: readonly string[];
}

interface StoredBuild extends Build {
  readonly fingerprint: string;
}

/** Files besides the sources that decide how a source is read and which files its imports name. */
const configurations = ['package.json', 'tsconfig.json'];

/** Builds on disk, each valid as long as its sources would give the same build. Processes may share a folder. */
export class BuildCache {
  constructor(
    private readonly root: string,
    private readonly folder: string,
    /** Milliseconds by which time stamps of the file system may lag behind the clock. */
    private readonly stampTolerance = 1000,
  ) {}

  /** Returns the stored build of this key if its sources have not changed; otherwise builds it with `make`. */
  get(key: string, make: () => Build): readonly BuiltFile[] {
    const path = join(this.folder, hashOf(process.version, key)); // the storage format depends on the Node version
    const kept = readStored(path);
    if (kept && kept.fingerprint === this.fingerprint(kept.inputs)) return kept.files;
    const begun = Date.now();
    const build = make();
    const fingerprint = this.fingerprint(build.inputs);
    if (!this.touchedSince(begun - this.stampTolerance, build.inputs)) store(path, { ...build, fingerprint });
    return build.files;
  }

  /**
   * Hash of the contents of all sources, and of the file names in and above their folders: an import may resolve to a
   * new file.
   */
  private fingerprint(inputs: readonly string[]): string {
    const folders = foldersOf(inputs);
    const names = folders.map((folder) => namesIn(join(this.root, folder)));
    const files = [...inputs, ...this.configurationsOf(inputs)];
    const contents = files.map((file) => hashOf(contentOf(join(this.root, file))));
    return hashOf(JSON.stringify([folders, names, files, contents]));
  }

  /** True when a source was modified since `time`: a modification during the build may have been missed. */
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

/** Writes the file atomically for concurrent readers. Stores nothing where the folder is not writable. */
function store(path: string, build: StoredBuild): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    const unfinished = `${path}.${randomUUID()}`;
    writeFileSync(unfinished, serialize(build));
    renameSync(unfinished, path);
  } catch (error) {
    if (codeOf(error) === undefined) throw error; // not an error of the file system
  }
}

/** Returns the folders of the files and all folders above them up to the root. */
function foldersOf(files: readonly string[]): string[] {
  const folders = new Set<string>();
  for (const file of files) {
    for (let folder = dirname(file); !folders.has(folder); folder = dirname(folder)) folders.add(folder);
  }
  return [...folders];
}

/** Returns the names in a folder without hidden ones, which no import names. */
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
