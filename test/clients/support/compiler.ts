import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(__dirname, '../../..');

/** True if C and C++ programs can be tested. */
export const hasCompilers = ['gcc', 'g++'].every((name) => !spawnSync(name, ['--version']).error);

const warnings = ['-Wall', '-Wextra', '-Wconversion', '-Wshadow', '-Werror', '-pedantic'];
const sanitizers = ['-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];

/** A folder for programs that are built with warnings as errors and run under sanitizers. */
export class Compiler {
  private readonly folder = mkdtempSync(join(tmpdir(), 'cirrus-'));

  /** Builds a program from sources and include folders, as C99, or as C++11 if it has C++ sources. Returns its path. */
  build(name: string, sources: readonly string[], includes: readonly string[]): string {
    const program = join(this.folder, name);
    const objects = sources.map((source) => this.compile(name, source, includes));
    execFileSync('g++', [...sanitizers, ...objects, '-o', program], { stdio: 'pipe' });
    return program;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }

  private compile(program: string, source: string, includes: readonly string[]): string {
    const [compiler, standard] = source.endsWith('.cpp') ? ['g++', 'c++11'] : ['gcc', 'c99'];
    const object = join(this.folder, `${program}-${source.replaceAll('/', '-')}.o`);
    const folders = includes.map((folder) => `-I${join(root, folder)}`);
    const options = [`-std=${standard}`, '-D_GNU_SOURCE', ...warnings, ...sanitizers, ...folders];
    execFileSync(compiler!, [...options, '-c', join(root, source), '-o', object], { stdio: 'pipe' });
    return object;
  }
}
