import * as v from 'valibot';
import { isTopicName } from '../protocol/topic';
import { isTopicFilter } from '../protocol/topic-filter';

/** Maximum number of messages in one request. */
export const maxMessages = 100;
/** Maximum and default number of entries in one page. */
export const maxEntries = 500;
const defaultEntries = 100;

/** MQTT limits a string and binary data to 65,535 bytes; a character has at least one byte. */
const maxTextLength = 65_535;

// Parts that the schemas below share. Texts passed as messages become `detail` in the errors of a problem.

/** Every string must survive the conversion to UTF-8 and back, and MQTT strings have no U+0000. */
function string() {
  return v.pipe(
    v.string('must be a string'),
    v.check((text) => Buffer.from(text).toString() === text && !text.includes('\0'), 'must be UTF-8 without U+0000'),
  );
}

const nonEmpty = <Text extends string>() => v.minLength<Text, 1, string>(1, 'must not be empty');

function text(description: string) {
  return v.pipe(
    string(),
    v.maxLength(maxTextLength, `must have at most ${maxTextLength} characters`),
    v.description(description),
  );
}

function base64(description: string) {
  return v.pipe(
    string(),
    v.check((value) => Buffer.from(value, 'base64').toString('base64') === value, 'must be base64 with padding'),
    v.metadata({ contentEncoding: 'base64', description }),
  );
}

function choice<const Choices extends readonly (string | number)[]>(choices: Choices) {
  return v.picklist(choices, `must be one of ${choices.join(', ')}`);
}

function integer() {
  return v.pipe(v.number('must be an integer'), v.integer('must be an integer'));
}

function count(description: string) {
  return v.pipe(integer(), v.minValue(0, 'must be at least 0'), v.description(description));
}

function flag(description: string) {
  return v.pipe(v.boolean('must be a boolean'), v.description(description));
}

function time(description: string) {
  return v.pipe(v.string(), v.metadata({ format: 'date-time', description }));
}

/** An object with exactly these entries. */
function object<const Entries extends v.ObjectEntries>(entries: Entries) {
  return v.strictObject(entries, ({ path, expected }) => {
    if (path === undefined) return 'must be an object';
    return expected === 'never' ? 'is not known here' : 'is required';
  });
}

const qos = choice([0, 1, 2]);

// Path and query parameters: their input is always text.

export interface PathParameter {
  readonly name: string;
  readonly schema: v.GenericSchema<string>;
}

const pathText = v.pipe(
  string(),
  nonEmpty(),
  v.maxLength(maxTextLength, `must have at most ${maxTextLength} characters`),
);

export const clientIdParameter: PathParameter = { name: 'clientId', schema: pathText };
export const topicParameter: PathParameter = {
  name: 'topic',
  schema: v.pipe(
    pathText,
    v.check(isTopicName, 'must be a topic name: 1 to 65,535 bytes, without the wildcards + and #'),
  ),
};

/** Text that is not a number stays text, which the next step of the schema refuses. */
function numberOf(text: string): unknown {
  return /^\d{1,15}$/.test(text) ? Number(text) : text;
}

const page = {
  limit: v.optional(
    v.pipe(
      string(),
      v.transform(numberOf),
      integer(),
      v.minValue(1, 'must be at least 1'),
      v.maxValue(maxEntries, `must be at most ${maxEntries}`),
      v.description('Maximum number of entries in the page.'),
    ),
    `${defaultEntries}`,
  ),
  cursor: v.optional(v.pipe(string(), nonEmpty(), v.description('`next` of the previous page.'))),
};

export const noQuery = object({});
export const pageQuery = object(page);
export const retainedQuery = object({
  ...page,
  filter: v.optional(
    v.pipe(
      string(),
      nonEmpty(),
      v.check(isTopicFilter, 'must be a topic filter'),
      v.description(
        'Topic filter. As for any subscriber, a leading `#` or `+` does not match topics that begin with `$`.',
      ),
    ),
  ),
});
export const disconnectQuery = object({
  will: v.optional(
    v.pipe(choice(['publish', 'discard']), v.description('What happens to the Will Message.')),
    'publish',
  ),
  session: v.optional(
    v.pipe(
      choice(['keep', 'remove']),
      v.description('`remove` also deletes subscriptions and queued messages, even if the client is not connected.'),
    ),
    'keep',
  ),
});

// Bodies of requests.

const messageProperties = {
  payloadFormatIndicator: v.optional(flag('Declares the payload to be UTF-8.')),
  contentType: v.optional(text('Content Type.')),
  responseTopic: v.optional(v.pipe(text('Response Topic.'), nonEmpty())),
  correlationData: v.optional(base64('Correlation Data, in base64.')),
  userProperties: v.optional(
    v.pipe(
      v.array(object({ name: text('Name.'), value: text('Value.') }), 'must be an array'),
      v.maxLength(1000, 'must have at most 1000 entries'),
      v.description('User Properties in their order; a name may occur more than once.'),
    ),
  ),
};

const directMessageEntries = {
  topic: v.pipe(text('Topic Name: no wildcards, and not below `$SYS` or `$share`.'), nonEmpty()),
  text: v.optional(v.pipe(string(), v.description('Payload as text.'))),
  payload: v.optional(base64('Payload in base64. Without `text` and `payload` the payload is empty.')),
  qos: v.optional(
    v.pipe(
      qos,
      v.metadata({
        default: 0,
        description: 'A subscriber receives the message at the lower of this QoS and the granted QoS.',
      }),
    ),
  ),
  messageExpiryInterval: v.optional(
    v.pipe(count('Message Expiry Interval in seconds.'), v.maxValue(0xffff_ffff, `must be at most ${0xffff_ffff}`)),
  ),
  ...messageProperties,
};

/** A message has its payload in one form only. */
function hasOnePayload({ text, payload }: { readonly text?: string; readonly payload?: string }): boolean {
  return text === undefined || payload === undefined;
}

/** The same in JSON Schema. */
const notBothPayloads = { not: { required: ['text', 'payload'] } };

export const directMessage = v.pipe(
  object(directMessageEntries),
  v.check((json) => hasOnePayload(json), 'must not have text and payload at once'),
  v.metadata(notBothPayloads),
);

export const message = v.pipe(
  object({
    ...directMessageEntries,
    retain: v.optional(flag('Retains the message; an empty payload removes the retained message of the topic.')),
  }),
  v.check((json) => hasOnePayload(json), 'must not have text and payload at once'),
  v.metadata(notBothPayloads),
);

export const batch = object({
  messages: v.pipe(
    v.array(message, 'must be an array'),
    v.minLength(1, 'must have at least 1 entries'),
    v.maxLength(maxMessages, `must have at most ${maxMessages} entries`),
  ),
});

// Bodies of responses.

function pageOf<const Entry extends v.GenericSchema>(entry: Entry) {
  return object({
    items: v.array(entry),
    next: v.optional(
      v.pipe(
        v.string(),
        v.description('Cursor of the next page; absent at the end. A page may be shorter than `limit` before the end.'),
      ),
    ),
  });
}

export const publishResult = object({
  status: v.picklist(['accepted', 'refused']),
  subscribers: v.optional(flag('True if the message had any subscriber; present if it was accepted.')),
  reasonCode: v.optional(v.pipe(integer(), v.description('MQTT 5.0 Reason Code of the refusal.'))),
  detail: v.optional(v.pipe(v.string(), v.description('The reason of the refusal as text.'))),
});
export const publishResults = object({ results: v.array(publishResult) });

export const directResult = object({
  status: v.pipe(
    v.picklist(['sent', 'queued']),
    v.description('`queued`: the client is not connected, and receives the message when it reconnects.'),
  ),
});

const clientEntries = {
  clientId: v.string(),
  connected: flag('True if a connection owns the session now.'),
  since: v.optional(time('Time when the client connected or disconnected; absent if that is not known.')),
  version: v.pipe(
    v.picklist([3, 4, 5]),
    v.description('Protocol level: 3 is MQTT 3.1, 4 is MQTT 3.1.1, 5 is MQTT 5.0.'),
  ),
  identity: object({
    kind: v.picklist(['anonymous', 'user', 'token']),
    username: v.optional(v.string()),
    issuer: v.optional(v.pipe(v.string(), v.description('Issuer of the token.'))),
  }),
  persistent: flag('True if the session outlives its connection.'),
  sessionEndsAt: v.optional(
    time(
      'When the session of a disconnected client expires; absent while the client is connected, or if it never expires.',
    ),
  ),
  over: v.optional(flag('Nobody is connected and nobody can resume the session; the broker is about to remove it.')),
};
export const client = object(clientEntries);
export const clientPage = pageOf(client);

export const subscription = object({
  filter: v.string(),
  share: v.optional(v.pipe(v.string(), v.description('ShareName of a shared subscription.'))),
  qos,
  noLocal: flag('The client does not receive its own messages.'),
  retainAsPublished: flag('Messages keep the RETAIN flag they were published with.'),
  identifier: v.optional(v.pipe(integer(), v.description('Subscription Identifier.'))),
});

export const clientDetails = object({
  ...clientEntries,
  keepAlive: v.optional(v.pipe(integer(), v.description('Keep Alive in seconds; 0 is off.'))),
  sessionExpiryInterval: v.optional(
    v.pipe(integer(), v.description('Session Expiry Interval in seconds; 4294967295 means that it never expires.')),
  ),
  source: v.optional(
    object({
      address: v.string(),
      lastActiveAt: v.optional(time('Time when API Gateway last received something from the client.')),
    }),
  ),
  queued: count('QoS 1 and 2 messages that the client has not acknowledged, sent or not.'),
  subscriptions: v.array(subscription),
  subscriptionCount: count('Number of all subscriptions; only the first 1,000 are listed.'),
});

export const disconnectResult = object({
  clientId: v.string(),
  connected: flag('True if the client was connected when the request arrived.'),
});

const retainedEntries = {
  topic: v.string(),
  qos,
  payloadBytes: count('Size of the payload in bytes.'),
  expiresAt: v.optional(time('Time when the message expires.')),
};
export const retainedSummary = object(retainedEntries);
export const retainedPage = pageOf(retainedSummary);
export const retainedMessage = object({
  ...retainedEntries,
  payload: base64('Payload in base64.'),
  text: v.optional(v.pipe(v.string(), v.description('Payload as text, if it is UTF-8.'))),
  ...messageProperties,
});

export const violation = object({
  pointer: v.pipe(v.string(), v.description('JSON Pointer into the body, or the name of a parameter.')),
  detail: v.string(),
});

export const problem = v.pipe(
  v.object({
    type: v.string(),
    title: v.string(),
    status: integer(),
    code: v.pipe(v.string(), v.description('Code for programs.')),
    detail: v.optional(v.string()),
    reasonCode: v.optional(v.pipe(integer(), v.description('MQTT 5.0 Reason Code.'))),
    errors: v.optional(v.array(violation)),
  }),
  v.description('Problem details of RFC 9457.'),
);

/** A message as a backend writes it, checked. */
export type MessageJson = v.InferOutput<typeof message>;
export type ClientJson = v.InferOutput<typeof client>;
export type SubscriptionJson = v.InferOutput<typeof subscription>;
export type RetainedSummaryJson = v.InferOutput<typeof retainedSummary>;
export type RetainedMessageJson = v.InferOutput<typeof retainedMessage>;
export type PublishResultJson = v.InferOutput<typeof publishResult>;
export type ProblemJson = v.InferOutput<typeof problem>;
/** One reason why a request is invalid. */
export type Violation = v.InferOutput<typeof violation>;
