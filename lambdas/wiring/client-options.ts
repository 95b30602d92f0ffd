import type { Metrics } from '../broker/ports/metrics';

export interface ClientOptions {
  readonly environment: NodeJS.ProcessEnv;
  /** Counts throttled attempts. */
  readonly metrics: Metrics;
  readonly maxAttempts: number;
}
