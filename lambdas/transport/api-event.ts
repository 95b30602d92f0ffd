import type { APIGatewayProxyEventV2WithIAMAuthorizer, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import type { ApiRequest, ApiResponse } from '../api/api-request';

/** A request as an HTTP API hands it on, payload format 2.0: everything but the body is decoded, header names are lower case. */
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
    caller: { arn: userArn, principal: userId.split(':')[0] ?? '' }, // of a role its id, then the name of the session
  };
}

type Parameters = Readonly<Record<string, string | undefined>> | null | undefined;

/** API Gateway leaves out what is empty; test events and other gateways have null instead. */
function withValues(parameters: Parameters): Record<string, string> {
  return Object.fromEntries(Object.entries(parameters ?? {}).map(([name, value]) => [name, value ?? '']));
}

export function toApiResult({ status: statusCode, body }: ApiResponse): APIGatewayProxyStructuredResultV2 {
  if (body === undefined) return { statusCode };
  const type = statusCode >= 400 ? 'application/problem+json' : 'application/json';
  return { statusCode, headers: { 'content-type': type }, body: JSON.stringify(body) };
}
