import { type ConversionConfig, toJsonSchema, toJsonSchemaDefs } from '@valibot/to-json-schema';
import * as v from 'valibot';
import { type Operation, operations } from './operations';
import { type ProblemCode, problems } from './problem';
import * as schemas from './schemas';

/** Schemas that other parts of the document refer to by name. */
const components = {
  Message: schemas.message,
  DirectMessage: schemas.directMessage,
  Batch: schemas.batch,
  PublishResult: schemas.publishResult,
  PublishResults: schemas.publishResults,
  DirectResult: schemas.directResult,
  Client: schemas.client,
  ClientPage: schemas.clientPage,
  Subscription: schemas.subscription,
  ClientDetails: schemas.clientDetails,
  DisconnectResult: schemas.disconnectResult,
  RetainedSummary: schemas.retainedSummary,
  RetainedPage: schemas.retainedPage,
  RetainedMessage: schemas.retainedMessage,
  Problem: schemas.problem,
  Violation: schemas.violation,
};

const conversion: ConversionConfig = {
  target: 'draft-2020-12', // OpenAPI 3.1
  typeMode: 'output',
  ignoreActions: ['check'],
  overrideRef: ({ referenceId }) => `#/components/schemas/${referenceId}`,
  overrideSchema: ({ valibotSchema, jsonSchema }) => {
    if (valibotSchema.type === 'lazy') return { oneOf: [reference('Message'), reference('Batch')] };
    if (valibotSchema.type === 'union') return { oneOf: jsonSchema.anyOf };
    const isInteger = jsonSchema.type === 'number' && jsonSchema.enum?.every(Number.isInteger);
    return isInteger ? { ...jsonSchema, type: 'integer' } : undefined;
  },
};

const idempotencyKeyHeader = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'The same request with the same key by the same principal is performed once; for a day, repetitions get the response of the first request. If the first attempt failed halfway, a repetition continues it: QoS 2 messages arrive exactly once, QoS 0 messages at most once.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
};

const pathParameters: Readonly<Record<string, string>> = {
  clientId: 'Client id',
  topic: 'Topic with its slashes',
};

/** Describes the API in OpenAPI 3.1. */
export function openApi() {
  return {
    openapi: '3.1.0',
    info: {
      title: 'cirrus-mqtt',
      version: '1.0.0',
      description:
        'HTTP API of the broker for backends. Every request is signed with AWS Signature Version 4, service `execute-api`.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [
      {
        url: 'https://{api}.execute-api.{region}.amazonaws.com/api',
        description: "The stack's output ApiUrl",
        variables: { api: { default: 'abc123' }, region: { default: 'eu-west-1' } },
      },
      { url: 'http://127.0.0.1:8080/api', description: 'The local cloud; access key id and secret are `local`' },
    ],
    security: [{ sigv4: [] }],
    paths: paths(),
    components: {
      schemas: toJsonSchemaDefs(components, conversion),
      securitySchemes: {
        sigv4: { type: 'apiKey', in: 'header', name: 'Authorization', description: 'AWS Signature Version 4.' },
      },
    },
  };
}

function paths(): Record<string, Record<string, unknown>> {
  const found: Record<string, Record<string, unknown>> = {};
  for (const [name, operation] of Object.entries<Operation>(operations)) {
    const path = operation.path.replace('+}', '}');
    found[path] = { ...found[path], [operation.method.toLowerCase()]: describeOperation(name, operation) };
  }
  return found;
}

function describeOperation(operationId: string, operation: Operation) {
  const { path, summary, description, query, body, acceptsIdempotencyKey = false, response } = operation;
  const parameters = [
    ...[...path.matchAll(/\{(\w+)\+?\}/g)].map(([, name = '']) => pathParameter(name)),
    ...Object.entries(query.entries).map(([name, schema]) => queryParameter(name, schema)),
    ...(acceptsIdempotencyKey ? [idempotencyKeyHeader] : []),
  ];
  return {
    operationId,
    summary,
    description,
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: { required: true, content: { 'application/json': { schema: jsonSchemaOf(body) } } } }),
    responses: {
      [response.status]: {
        description: response.description,
        ...(response.schema && { content: { 'application/json': { schema: jsonSchemaOf(response.schema) } } }),
      },
      ...problemResponses(['invalid-request', ...operation.problems, 'internal-error']),
      403: {
        description: 'IAM does not allow the request, or the signature is wrong. API Gateway sends this response.',
      },
    },
  };
}

function pathParameter(name: string) {
  const description = `${pathParameters[name] ?? name}, percent-encoded; or \`~\` and base64url of its UTF-8, which proxies and gateways leave as it is.`;
  return { name, in: 'path', required: true, description, schema: { type: 'string' } };
}

function queryParameter(name: string, entry: v.GenericSchema) {
  const { description, default: _asText, ...schema } = jsonSchemaOf(entry);
  const fallback = v.parse(entry, undefined);
  return {
    name,
    in: 'query',
    required: false,
    ...(description !== undefined && { description }),
    schema: { ...schema, ...(fallback !== undefined && { default: fallback }) },
  };
}

/** The JSON Schema of a schema, with references to the components. */
function jsonSchemaOf(schema: v.GenericSchema) {
  const { $schema, $defs, ...jsonSchema } = toJsonSchema(schema, { ...conversion, definitions: components });
  return jsonSchema;
}

function reference(component: keyof typeof components) {
  return { $ref: `#/components/schemas/${component}` };
}

/** Problems of the same status share a response. */
function problemResponses(codes: readonly ProblemCode[]): Record<string, unknown> {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of codes) byStatus.set(problems[code].status, [...(byStatus.get(problems[code].status) ?? []), code]);
  return Object.fromEntries(
    [...byStatus].map(([status, several]) => [
      status,
      {
        description: several.map((code) => `\`${code}\`: ${problems[code].title}.`).join(' '),
        content: { 'application/problem+json': { schema: reference('Problem') } },
      },
    ]),
  );
}
