import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { Duplex } from 'node:stream';

/** The standard input and output of a program as one stream, which lives as long as the program. */
export class ProgramStream extends Duplex {
  constructor(private readonly program: ChildProcessWithoutNullStreams) {
    super();
    program.stdout.on('data', (chunk) => {
      if (!this.push(chunk)) program.stdout.pause();
    });
    program.once('close', () => this.destroy());
    program.stdin.on('error', () => {}); // The program may end before it has read its input.
  }

  override _read(): void {
    this.program.stdout.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.program.stdin.write(chunk, () => done());
  }

  override _final(done: () => void): void {
    this.program.stdin.end(done);
  }

  override _destroy(_error: Error | null, done: () => void): void {
    this.program.kill('SIGKILL');
    done();
  }
}
