import type { DynamoDbUsage } from '../bill';
import type { Rule } from '../fault-rules';

/** What DynamoDB is started with. */
export interface DynamoDbData {
  /** Where dynalite is installed; it loads native code and cannot be bundled. */
  readonly dynalite: string;
  readonly path?: string;
  /** An endpoint to use instead of dynalite. */
  readonly remote?: string;
  readonly chances: SharedArrayBuffer;
  readonly tablePrefix: string;
  /** What the endpoint is called besides the names of the loopback. */
  readonly hosts: readonly string[];
  /** Milliseconds that each call takes longer than the backend. */
  readonly latency: number;
}

/** To the thread. Each is answered with `done`. */
export type DynamoDbOrder =
  | { readonly kind: 'rules'; readonly rules: readonly Rule[] }
  | { readonly kind: 'usage' }
  | { readonly kind: 'reset' };

/** From the thread. */
export type DynamoDbMessage =
  | { readonly kind: 'ready'; readonly port: number }
  | { readonly kind: 'failed'; readonly error: string }
  | { readonly kind: 'kill'; readonly caller: string }
  | { readonly kind: 'done'; readonly usage: DynamoDbUsage };
