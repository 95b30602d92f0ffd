import type { MessagePort } from 'node:worker_threads';

/** Message from a container: a call of an endpoint of the local cloud. */
export interface NetworkCall {
  readonly id: number;
  /** Port of the endpoint. */
  readonly port: number;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** Message to the container. A call of a container that is being killed gets none. */
export interface NetworkResponse {
  readonly id: number;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Data that a container needs to call endpoints without a socket. */
export interface NetworkAccess {
  readonly port: MessagePort;
  /** Ports of the endpoints that receive messages. */
  readonly endpoints: readonly number[];
}
