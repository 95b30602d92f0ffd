import type { APIGatewayProxyEventV2WithIAMAuthorizer, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import type { ApiAnswer, ApiRequest } from '../api/api-request';

/** Reads the event of an HTTP API, payload format 2.0. API Gateway has decoded all but the body; header names are lower case. */
export function toApiRequest(event: APIGatewayProxyEventV2WithIAMAuthorizer): ApiRequest {
  const { routeKey, pathParameters, queryStringParameters, headers, requestContext } = event;
  const { body, isBase64Encoded } = event;
  const { userArn, userId } = requestContext.authorizer.iam;
  return {
    route: routeKey,
    parameters: withValues(pathParameters),
    query: withValues(queryStringParameters),
    headers,
    body: isBase64Encoded ? Buffer.from(body ?? '', 'base64').toString() : (body ?? ''),
    requestId: requestContext.requestId,
    caller: { arn: userArn, principal: userId.split(':')[0] ?? '' }, // a role's id, followed by the name of its session
  };
}

type Parameters = Readonly<Record<string, string | undefined>> | null | undefined;

/** API Gateway omits empty parameters. Test events and other gateways have null instead. */
function withValues(parameters: Parameters): Record<string, string> {
  return Object.fromEntries(Object.entries(parameters ?? {}).map(([name, value]) => [name, value ?? '']));
}

export function toApiResult({ status: statusCode, body }: ApiAnswer): APIGatewayProxyStructuredResultV2 {
  if (body === undefined) return { statusCode };
  const type = statusCode >= 400 ? 'application/problem+json' : 'application/json';
  return { statusCode, headers: { 'content-type': type }, body: JSON.stringify(body) };
}
