import type { FunctionName } from '../../lambdas/deployment';

export type LogSink = (line: string) => void;

const standardError: LogSink = (line) => process.stderr.write(`${line}\n`);

export interface LogOptions {
  /** Standard error if absent. */
  readonly sink?: LogSink;
  /** True to log more than errors. */
  readonly verbose?: boolean;
}

/** Returns a function that logs lines with the name of their function. */
export function logTo({ sink = standardError, verbose = false }: LogOptions) {
  return (name: FunctionName, level: 'error' | 'info', text: string): void => {
    if (level === 'error' || verbose) sink(`${name}: ${text}`);
  };
}
