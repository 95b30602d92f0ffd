import type { MessagePort } from 'node:worker_threads';

/** From a container: a call of an endpoint of the local cloud. */
export interface NetworkCall {
  readonly id: number;
  /** Of the endpoint. */
  readonly port: number;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** To the container. A call whose caller is being killed gets none. */
export interface NetworkResponse {
  readonly id: number;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a container needs to call endpoints without a socket. */
export interface NetworkAccess {
  readonly port: MessagePort;
  /** Ports of the endpoints that can be called so. */
  readonly endpoints: readonly number[];
}
