import * as v from 'valibot';
import type { ApiResponse } from './api-request';
import type { ProblemCode } from './problem';
import {
  batch,
  clientDetails,
  clientPage,
  directMessage,
  directResult,
  disconnectQuery,
  disconnectResult,
  maxMessages,
  message,
  noQuery,
  pageQuery,
  publishResult,
  publishResults,
  retainedMessage,
  retainedPage,
  retainedQuery,
} from './schemas';

/** An operation of the API. The routes, the request checks, the types of handlers and docs/openapi.json are made from it. */
export interface Operation {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Path in the syntax of API Gateway: `{name}` is one segment, `{name+}` is the rest of the path. */
  readonly path: string;
  readonly summary: string;
  readonly description: string;
  readonly query: v.GenericSchema & { readonly entries: Readonly<Record<string, v.GenericSchema>> };
  readonly body?: v.GenericSchema;
  /** True if an `Idempotency-Key` makes the operation safe to repeat. */
  readonly acceptsIdempotencyKey?: boolean;
  readonly response: { readonly status: number; readonly schema?: v.GenericSchema; readonly description: string };
  /** Problems besides those that every operation has. */
  readonly problems: readonly ProblemCode[];
}

const postProblems = ['malformed-json', 'body-too-large', 'request-in-progress', 'idempotency-key-reused'] as const;

/** A body with `messages` is a batch, so its errors are those of a batch. */
const messageOrBatch = v.lazy((body) =>
  typeof body === 'object' && body !== null && 'messages' in body ? batch : message,
);

export const operations = {
  publish: {
    method: 'POST',
    path: '/messages',
    summary: `Publish one message, or a batch of up to ${maxMessages}`,
    description:
      'Responds when every accepted message is as durable as PUBACK promises. A batch has one result for each message. A single message that MQTT does not allow is a problem.',
    query: noQuery,
    body: messageOrBatch,
    acceptsIdempotencyKey: true,
    response: {
      status: 200,
      schema: v.union([publishResult, publishResults]),
      description: 'The result of the message, or of each message.',
    },
    problems: [...postProblems, 'message-refused'],
  },
  listClients: {
    method: 'GET',
    path: '/clients',
    summary: 'List clients that are connected or have a session',
    description:
      'Scans the sessions table, in no particular order. Includes expired sessions that are not removed yet. A page may be one second out of date.',
    query: pageQuery,
    response: { status: 200, schema: clientPage, description: 'A page of clients.' },
    problems: ['invalid-cursor'],
  },
  showClient: {
    method: 'GET',
    path: '/clients/{clientId}',
    summary: 'Show a client, its subscriptions and its queue',
    description: 'Reads all messages that wait for the client, in order to count them.',
    query: noQuery,
    response: { status: 200, schema: clientDetails, description: 'The client.' },
    problems: ['no-such-client'],
  },
  disconnectClient: {
    method: 'DELETE',
    path: '/clients/{clientId}',
    summary: 'Disconnect a client, and remove its session on request',
    description:
      'Responds when the request is stored in the event stream of the connection, behind everything that the client has sent. The connection is closed shortly afterwards, even if functions fail in between. MQTT 5.0 clients get a DISCONNECT with Reason Code 0x98 (Administrative action).',
    query: disconnectQuery,
    response: { status: 202, schema: disconnectResult, description: 'The request is stored.' },
    problems: ['no-such-client'],
  },
  sendToClient: {
    method: 'POST',
    path: '/clients/{clientId}/messages',
    summary: 'Send a message to one client, whatever it has subscribed to',
    description:
      'Messages at QoS 1 and 2 are queued for a client that is not connected and has a session. A message that the client may not receive is refused.',
    query: noQuery,
    body: directMessage,
    acceptsIdempotencyKey: true,
    response: { status: 200, schema: directResult, description: 'The result of the message.' },
    problems: [...postProblems, 'no-such-client', 'client-away', 'queue-full', 'not-permitted', 'message-refused'],
  },
  listRetained: {
    method: 'GET',
    path: '/retained',
    summary: 'List retained messages',
    description:
      'Without payloads, in no particular order. A filter that begins with a topic level reads only the topics below that level; any other filter scans the whole table.',
    query: retainedQuery,
    response: { status: 200, schema: retainedPage, description: 'A page of retained messages.' },
    problems: ['invalid-cursor'],
  },
  showRetained: {
    method: 'GET',
    path: '/retained/{topic+}',
    summary: 'Show a retained message with its payload',
    description: 'Shows the message that a new subscriber receives.',
    query: noQuery,
    response: { status: 200, schema: retainedMessage, description: 'The message.' },
    problems: ['no-such-message'],
  },
  deleteRetained: {
    method: 'DELETE',
    path: '/retained/{topic+}',
    summary: 'Remove a retained message',
    description: 'Subscribers are not notified. The response is the same if the topic has no retained message.',
    query: noQuery,
    response: { status: 204, description: 'The topic has no retained message.' },
    problems: [],
  },
} as const satisfies Record<string, Operation>;

export type OperationName = keyof typeof operations;

/** Response to one operation, as its schema describes it. */
export type ResponseTo<Name extends OperationName> = ApiResponse<
  (typeof operations)[Name]['response'] extends { readonly schema: infer Schema extends v.GenericSchema }
    ? v.InferOutput<Schema>
    : never
>;

/** Operations by the route key of API Gateway, for example `GET /clients/{clientId}`. */
export const routes: ReadonlyMap<string, OperationName> = new Map(
  (Object.keys(operations) as OperationName[]).map((name) => [
    `${operations[name].method} ${operations[name].path}`,
    name,
  ]),
);
