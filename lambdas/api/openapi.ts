import type { Schema } from './json-schema';
import { type Operation, operations } from './operations';
import { type ProblemCode, problems } from './problem';
import { schemas } from './schemas';

const keyHeader = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'Of 1 to 255 characters. The same request with the same key by the same principal is done once, and answered alike for a day. One that follows an attempt that died goes on from it: QoS 2 arrives exactly once, QoS 0 at most once.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
};

const pathTexts: Readonly<Record<string, string>> = {
  clientId: 'The client id',
  topic: 'The topic, slashes as they are',
};

/** The API as OpenAPI 3.1 describes it, made from the table that routes and checks. */
export function openApi() {
  return {
    openapi: '3.1.0',
    info: {
      title: 'cirrus-mqtt',
      version: '1.0.0',
      description:
        'What backends ask of the broker. Every request is signed with AWS Signature Version 4, service `execute-api`.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [
      {
        url: 'https://{api}.execute-api.{region}.amazonaws.com/api',
        description: "The stack's output ApiUrl",
        variables: { api: { default: 'abc123' }, region: { default: 'eu-west-1' } },
      },
      { url: 'http://127.0.0.1:8080/api', description: 'The local cloud; its keys are `local` and `local`' },
    ],
    security: [{ sigv4: [] }],
    paths: paths(),
    components: {
      schemas,
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
    found[path] = { ...found[path], [operation.method.toLowerCase()]: described(name, operation) };
  }
  return found;
}

function described(operationId: string, operation: Operation) {
  const { path, summary, description, query = {}, body, takesKey = false, answer } = operation;
  const parameters = [
    ...[...path.matchAll(/\{(\w+)\+?\}/g)].map(([, name = '']) => pathParameter(name)),
    ...Object.entries(query).map(([name, schema]) => queryParameter(name, schema)),
    ...(takesKey ? [keyHeader] : []),
  ];
  return {
    operationId,
    summary,
    description,
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: { required: true, content: { 'application/json': { schema: body } } } }),
    responses: {
      [answer.status]: {
        description: answer.description,
        ...(answer.schema && { content: { 'application/json': { schema: answer.schema } } }),
      },
      ...problemResponses(['invalid-request', ...operation.problems, 'internal-error']),
      403: { description: 'IAM does not allow it, or the signature is wrong. This answer is of API Gateway.' },
    },
  };
}

function pathParameter(name: string) {
  const description = `${pathTexts[name] ?? name}, percent-encoded; or \`~\` and base64url of its UTF-8, which nothing on the way can misread.`;
  return { name, in: 'path', required: true, description, schema: { type: 'string' } };
}

function queryParameter(name: string, { description, ...schema }: Schema) {
  return { name, in: 'query', required: false, ...(description !== undefined && { description }), schema };
}

/** Those of one status share a response. */
function problemResponses(codes: readonly ProblemCode[]): Record<string, unknown> {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of codes) byStatus.set(problems[code].status, [...(byStatus.get(problems[code].status) ?? []), code]);
  return Object.fromEntries(
    [...byStatus].map(([status, several]) => [
      status,
      {
        description: several.map((code) => `\`${code}\`: ${problems[code].title}.`).join(' '),
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    ]),
  );
}
