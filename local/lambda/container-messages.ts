import type { NetworkAccess } from './network-messages';

/** Data with which a container's thread starts. */
export interface ContainerData {
  readonly bundle: string;
  /** The local clock, which `timeOn` reads. */
  readonly clock: SharedArrayBuffer;
  /** Int32 counter of invocations; a frozen container wakes when it changes. */
  readonly wake: SharedArrayBuffer;
  readonly network: NetworkAccess;
}

/** Message to the container: an event as JSON, and the data for its context. */
export interface Invocation {
  readonly event: string;
  readonly requestId: string;
  readonly functionName: string;
  readonly memoryMb: number;
  readonly timeoutSeconds: number;
}

/** Messages from the container. */
export type ContainerMessage =
  | { readonly kind: 'ready' }
  /** Includes the function's standard output. */
  | { readonly kind: 'result'; readonly result: string; readonly output: readonly string[] }
  | { readonly kind: 'error'; readonly error: string; readonly output: readonly string[] }
  | { readonly kind: 'log'; readonly level: 'error' | 'info'; readonly text: string };
