import type { NetworkAccess } from './network-messages';

/** What a container's thread is started with. */
export interface ContainerData {
  readonly bundle: string;
  /** The local clock; `timeOn` reads it. */
  readonly clock: SharedArrayBuffer;
  /** Int32: counts invocations; a frozen container wakes when it changes. */
  readonly wake: SharedArrayBuffer;
  readonly network: NetworkAccess;
}

/** To the container: one event as JSON, and what its context is made of. */
export interface Invocation {
  readonly event: string;
  readonly requestId: string;
  readonly functionName: string;
  readonly memoryMb: number;
  readonly timeoutSeconds: number;
}

/** From the container. */
export type ContainerMessage =
  | { readonly kind: 'ready' }
  /** With what the function wrote to its standard output. */
  | { readonly kind: 'result'; readonly result: string; readonly output: readonly string[] }
  | { readonly kind: 'error'; readonly error: string; readonly output: readonly string[] }
  | { readonly kind: 'log'; readonly level: 'error' | 'info'; readonly text: string };
