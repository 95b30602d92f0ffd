import { describe, expect, it } from '@jest/globals';
import type { APIGatewayProxyEventV2WithIAMAuthorizer } from 'aws-lambda';
import { toApiRequest } from '../../lambdas/transport/api-event';

function event(parts: object): APIGatewayProxyEventV2WithIAMAuthorizer {
  return {
    routeKey: 'GET /clients',
    headers: {},
    requestContext: { requestId: 'r', authorizer: { iam: { userArn: 'arn', userId: 'AROA:session' } } },
    isBase64Encoded: false,
    ...parts,
  } as unknown as APIGatewayProxyEventV2WithIAMAuthorizer;
}

describe('a request of an HTTP API', () => {
  it.each([
    ['left out', {}],
    ['null', { pathParameters: null, queryStringParameters: null, body: null }],
    ['null with an encoded body', { pathParameters: null, body: null, isBase64Encoded: true }],
  ])('has no parameters, query and body where these are %s', (_title, parts) => {
    expect(toApiRequest(event(parts))).toMatchObject({ parameters: {}, query: {}, body: '' });
  });

  it('has the parameters, the query and the body that it was given', () => {
    const parts = {
      pathParameters: { clientId: 'a', nothing: undefined },
      queryStringParameters: { limit: '5' },
      body: Buffer.from('{"topic":"ü"}').toString('base64'),
      isBase64Encoded: true,
    };

    expect(toApiRequest(event(parts))).toMatchObject({
      parameters: { clientId: 'a', nothing: '' },
      query: { limit: '5' },
      body: '{"topic":"ü"}',
    });
  });
});
