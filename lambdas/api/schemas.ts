import { ref, type Schema, type Schemas } from './json-schema';

/** Messages of one request, and entries of one page. */
export const mostMessages = 100;
export const mostEntries = 500;
export const usualEntries = 100;

/** MQTT: a text or a binary has at most so many bytes; each character is one at least. */
const mostText = 65_535;

const text = (description: string): Schema => ({ type: 'string', description, maxLength: mostText });
const time = (description: string): Schema => ({ type: 'string', format: 'date-time', description });
const flag = (description: string): Schema => ({ type: 'boolean', description });
const count = (description: string): Schema => ({ type: 'integer', minimum: 0, description });

const messageProperties: Readonly<Record<string, Schema>> = {
  topic: { ...text('Topic name: no wildcards; not below `$SYS` or `$share`.'), minLength: 1 },
  text: { type: 'string', description: 'The payload, where it is text.' },
  payload: { type: 'string', contentEncoding: 'base64', description: 'The payload in base64. Neither: it is empty.' },
  qos: {
    type: 'integer',
    enum: [0, 1, 2],
    default: 0,
    description: 'Receivers get it at the lower of this and what they were granted.',
  },
  payloadFormatIndicator: flag('The payload is declared to be UTF-8.'),
  messageExpiryInterval: {
    type: 'integer',
    minimum: 0,
    maximum: 0xffff_ffff,
    description: 'Seconds after which nobody may hear it any more.',
  },
  contentType: text('Content type, for the receivers.'),
  responseTopic: { ...text('Where receivers may answer.'), minLength: 1 },
  correlationData: {
    type: 'string',
    contentEncoding: 'base64',
    description: 'What an answer should repeat, in base64.',
  },
  userProperties: {
    type: 'array',
    maxItems: 1000,
    items: object({ name: text('Its name.'), value: text('Its value.') }),
    description: 'User properties in their order; a name may come again.',
  },
};

const retain = flag('Keep it as the retained message of its topic; an empty payload removes that.');

/** An object that has nothing but these; all of them, but for those that are called optional. */
function object(properties: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', properties, ...(required.length > 0 && { required }), additionalProperties: false };
}

const allBut = (properties: object, ...names: string[]) =>
  Object.keys(properties).filter((name) => !names.includes(name));

const oneContent: Schema = { required: ['text', 'payload'] };

const clientProperties: Readonly<Record<string, Schema>> = {
  clientId: { type: 'string' },
  connected: flag('Whether a connection owns the session now.'),
  since: time('Since when it is connected, or away; absent where that is not known.'),
  version: { type: 'integer', enum: [3, 4, 5], description: 'Protocol level: 3 is MQTT 3.1, 4 is 3.1.1, 5 is 5.0.' },
  identity: object(
    {
      kind: { type: 'string', enum: ['anonymous', 'user', 'token'] },
      username: { type: 'string' },
      issuer: { type: 'string', description: 'Who issued the token.' },
    },
    ['username', 'issuer'],
  ),
  persistent: flag('Whether the session outlives its connection.'),
  sessionEndsAt: time('When the session of a client that is away ends; absent while it is here, or never.'),
  over: flag('Nobody is connected and nobody can resume the session: a leftover that is about to be removed.'),
};

const retainedProperties: Readonly<Record<string, Schema>> = {
  topic: { type: 'string' },
  qos: { type: 'integer', enum: [0, 1, 2] },
  payloadBytes: count('Bytes of the payload.'),
  expiresAt: time('When it is no longer retained.'),
};

const page = (items: string): Schema =>
  object(
    {
      items: { type: 'array', items: ref(items) },
      next: { type: 'string', description: 'Cursor of the next page; absent at the end. A page may be short before.' },
    },
    ['next'],
  );

/** Everything that goes to and fro, by name. */
export const schemas = {
  Message: {
    ...object({ ...messageProperties, retain }, allBut({ ...messageProperties, retain }, 'topic')),
    not: oneContent,
  },
  DirectMessage: { ...object(messageProperties, allBut(messageProperties, 'topic')), not: oneContent },
  Batch: object({
    messages: { type: 'array', minItems: 1, maxItems: mostMessages, items: ref('Message') },
  }),
  PublishResult: object(
    {
      status: { type: 'string', enum: ['accepted', 'refused'] },
      subscribers: flag('Whether anybody had subscribed. Only where it was accepted.'),
      reasonCode: { type: 'integer', description: 'Reason code of MQTT 5.0: why it was refused.' },
      detail: { type: 'string', description: 'The same for people.' },
    },
    ['subscribers', 'reasonCode', 'detail'],
  ),
  PublishResults: object({ results: { type: 'array', items: ref('PublishResult') } }),
  DirectResult: object({
    status: {
      type: 'string',
      enum: ['sent', 'queued'],
      description: '`queued`: the client is away, and gets it when it returns.',
    },
  }),
  Client: object(clientProperties, ['since', 'sessionEndsAt', 'over']),
  ClientPage: page('Client'),
  Subscription: object(
    {
      filter: { type: 'string' },
      share: { type: 'string', description: 'ShareName of a shared subscription.' },
      qos: { type: 'integer', enum: [0, 1, 2] },
      noLocal: flag('It does not hear what it publishes itself.'),
      retainAsPublished: flag('The retain flag is passed on as it was published.'),
      identifier: { type: 'integer', description: 'Subscription Identifier.' },
    },
    ['share', 'identifier'],
  ),
  ClientDetails: object(
    {
      ...clientProperties,
      keepAlive: { type: 'integer', description: 'Seconds; 0 is off.' },
      sessionExpiryInterval: {
        type: 'integer',
        description: 'Seconds that the session outlives the connection; 4294967295 is without end.',
      },
      source: object({ address: { type: 'string' }, lastActiveAt: time('When the gateway last heard of it.') }, [
        'lastActiveAt',
      ]),
      queued: count('Messages at QoS 1 and 2 that it has not acknowledged, sent or not.'),
      subscriptions: { type: 'array', items: ref('Subscription') },
      subscriptionCount: count('All of them, where only the first 1,000 are listed.'),
    },
    ['since', 'sessionEndsAt', 'over', 'keepAlive', 'sessionExpiryInterval', 'source'],
  ),
  Dismissal: object({
    clientId: { type: 'string' },
    connected: flag('Whether it was connected when the request came.'),
  }),
  RetainedSummary: object(retainedProperties, ['expiresAt']),
  RetainedPage: page('RetainedSummary'),
  RetainedMessage: object(
    {
      ...retainedProperties,
      payload: messageProperties.payload ?? {},
      text: { type: 'string', description: 'The payload as text, where it is UTF-8.' },
      ...Object.fromEntries(
        ['payloadFormatIndicator', 'contentType', 'responseTopic', 'correlationData', 'userProperties'].map((name) => [
          name,
          messageProperties[name] ?? {},
        ]),
      ),
    },
    [
      'expiresAt',
      'text',
      'payloadFormatIndicator',
      'contentType',
      'responseTopic',
      'correlationData',
      'userProperties',
    ],
  ),
  Problem: {
    type: 'object',
    description: 'RFC 9457.',
    required: ['type', 'title', 'status', 'code'],
    properties: {
      type: { type: 'string' },
      title: { type: 'string' },
      status: { type: 'integer' },
      code: { type: 'string', description: 'What programs should look at.' },
      detail: { type: 'string' },
      reasonCode: { type: 'integer', description: 'Reason code of MQTT 5.0.' },
      errors: { type: 'array', items: ref('Violation') },
    },
  },
  Violation: object({
    pointer: { type: 'string', description: 'JSON Pointer into the body, or the name of a parameter.' },
    detail: { type: 'string' },
  }),
} as const satisfies Schemas;
