import { ref, type Schema } from './json-schema';
import type { ProblemCode } from './problem';
import { mostEntries, type schemas, usualEntries } from './schemas';

/** One thing a backend can ask for. Routes, checks and docs/openapi.json are made from this. */
export interface Operation {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** As API Gateway spells it: `{name}` is one segment, `{name+}` is all that follow. */
  readonly path: string;
  readonly summary: string;
  readonly description: string;
  readonly query?: Readonly<Record<string, Schema>>;
  readonly body?: Schema;
  /** It does something that a repetition would do again, unless both say the same `Idempotency-Key`. */
  readonly takesKey?: boolean;
  readonly answer: { readonly status: number; readonly schema?: Schema; readonly description: string };
  readonly problems: readonly ProblemCode[];
}

const named = (name: keyof typeof schemas) => ref(name);

const pageOf = {
  limit: {
    type: 'integer',
    minimum: 1,
    maximum: mostEntries,
    default: usualEntries,
    description: 'Entries of the page, at most.',
  },
  cursor: { type: 'string', minLength: 1, description: '`next` of the page before.' },
} as const satisfies Record<string, Schema>;

const whenPosting = ['malformed-json', 'body-too-large', 'request-in-progress', 'idempotency-key-reused'] as const;

export const operations = {
  publish: {
    method: 'POST',
    path: '/messages',
    summary: 'Publish one message, or a batch of up to 100',
    description:
      'Answers when every accepted message is as safe as PUBACK promises. A batch is answered message by message; a single message that MQTT does not allow is a problem.',
    body: { oneOf: [named('Message'), named('Batch')] },
    takesKey: true,
    answer: {
      status: 200,
      schema: { oneOf: [named('PublishResult'), named('PublishResults')] },
      description: 'What became of the message, or of each.',
    },
    problems: [...whenPosting, 'message-refused'],
  },
  listClients: {
    method: 'GET',
    path: '/clients',
    summary: 'List clients that are connected or have a session',
    description:
      'In no particular order, those whose session is over and not removed yet among them. Reads the table of sessions; a page may be a second old.',
    query: pageOf,
    answer: { status: 200, schema: named('ClientPage'), description: 'A page of clients.' },
    problems: ['invalid-cursor'],
  },
  showClient: {
    method: 'GET',
    path: '/clients/{clientId}',
    summary: 'Show a client, its subscriptions and its queue',
    description: 'Reads all that waits for the client, to count it.',
    answer: { status: 200, schema: named('ClientDetails'), description: 'The client.' },
    problems: ['no-such-client'],
  },
  disconnectClient: {
    method: 'DELETE',
    path: '/clients/{clientId}',
    summary: 'Disconnect a client, and remove its session on request',
    description:
      'Answers when the wish lies in the ordered stream of the connection, behind what the client sent before; it comes true a moment later, whatever dies meanwhile. Clients of MQTT 5.0 are told 0x98, Administrative action.',
    query: {
      will: {
        type: 'string',
        enum: ['publish', 'discard'],
        default: 'publish',
        description: 'What becomes of its will.',
      },
      session: {
        type: 'string',
        enum: ['keep', 'remove'],
        default: 'keep',
        description: '`remove`: subscriptions and messages that wait go too, also those of a client that is away.',
      },
    },
    answer: { status: 202, schema: named('Dismissal'), description: 'It will be done.' },
    problems: ['no-such-client'],
  },
  sendToClient: {
    method: 'POST',
    path: '/clients/{clientId}/messages',
    summary: 'Send a message to one client, whatever it has subscribed to',
    description:
      'At QoS 1 and 2 it waits for a client that is away and has a session. What the client may not receive, it is not sent.',
    body: named('DirectMessage'),
    takesKey: true,
    answer: { status: 200, schema: named('DirectResult'), description: 'What became of the message.' },
    problems: [...whenPosting, 'no-such-client', 'client-away', 'queue-full', 'not-permitted', 'message-refused'],
  },
  listRetained: {
    method: 'GET',
    path: '/retained',
    summary: 'List retained messages',
    description:
      'Without payloads, in no particular order. A filter that begins with a name reads only what lies below it; any other reads the whole table.',
    query: {
      ...pageOf,
      filter: {
        type: 'string',
        minLength: 1,
        description: 'Topic filter. As for any subscriber, `#` and `+` at its beginning leave out topics with `$`.',
      },
    },
    answer: { status: 200, schema: named('RetainedPage'), description: 'A page of retained messages.' },
    problems: ['invalid-cursor'],
  },
  showRetained: {
    method: 'GET',
    path: '/retained/{topic+}',
    summary: 'Show a retained message with its payload',
    description: 'What a new subscriber would get.',
    answer: { status: 200, schema: named('RetainedMessage'), description: 'The message.' },
    problems: ['no-such-message'],
  },
  deleteRetained: {
    method: 'DELETE',
    path: '/retained/{topic+}',
    summary: 'Remove a retained message',
    description: 'Nobody hears of it. It makes no difference whether there was one.',
    answer: { status: 204, description: 'There is none any more.' },
    problems: [],
  },
} as const satisfies Record<string, Operation>;

export type OperationName = keyof typeof operations;

/** Operations by the route key of API Gateway, e.g. `GET /clients/{clientId}`. */
export const routes: ReadonlyMap<string, OperationName> = new Map(
  (Object.keys(operations) as OperationName[]).map((name) => [
    `${operations[name].method} ${operations[name].path}`,
    name,
  ]),
);
