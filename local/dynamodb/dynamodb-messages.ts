import type { DynamoDbUsage } from '../bill';
import type { Rule } from '../fault-rules';

/** Data with which DynamoDB starts. */
export interface DynamoDbData {
  /** Path of dynalite, which loads native code and cannot be bundled. */
  readonly dynalite: string;
  readonly path?: string;
  /** Endpoint to use instead of dynalite. */
  readonly remote?: string;
  readonly chances: SharedArrayBuffer;
  readonly tablePrefix: string;
  /** Host names of the endpoint besides those of the loopback interface. */
  readonly hosts: readonly string[];
  /** Milliseconds added to each call. */
  readonly latency: number;
}

/** Messages to the thread. It replies to each with `done`. */
export type DynamoDbOrder =
  | { readonly kind: 'rules'; readonly rules: readonly Rule[] }
  | { readonly kind: 'usage' }
  | { readonly kind: 'reset' };

/** Messages from the thread. */
export type DynamoDbMessage =
  | { readonly kind: 'ready'; readonly port: number }
  | { readonly kind: 'failed'; readonly error: string }
  | { readonly kind: 'kill'; readonly caller: string }
  | { readonly kind: 'done'; readonly usage: DynamoDbUsage };
