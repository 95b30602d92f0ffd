import type { FunctionName } from '../../lambdas/deployment';

export type LogSink = (line: string) => void;

const standardError: LogSink = (line) => process.stderr.write(`${line}\n`);

export interface LogOptions {
  /** Standard error if absent. */
  readonly sink?: LogSink;
  /** True to log more than errors. */
  readonly verbose?: boolean;
}

/** Prefixes what a function logs with its name; lines that are no errors only if asked for. */
export function logTo({ sink = standardError, verbose = false }: LogOptions) {
  return (name: FunctionName, level: 'error' | 'info', text: string): void => {
    if (level === 'error' || verbose) sink(`${name}: ${text}`);
  };
}
