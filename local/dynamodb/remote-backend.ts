import { Agent, request as httpRequest } from 'node:http';
import { request as httpsRequest, Agent as SecureAgent } from 'node:https';
import { text } from 'node:stream/consumers';
import type { Backend, DynamoDbAnswer, DynamoDbRequest } from './backend';
import { localAuthorization } from './local-authorization';

/** Milliseconds without a byte after which a call is given up. */
const silence = 10_000;

/**
 * Any DynamoDB endpoint that does not check signatures: DynamoDB Local, LocalStack and their like. All containers come under
 * one access key id: what each may do has been judged before, and an endpoint may keep a database for each id.
 */
export function remoteBackend(endpoint: string): Backend {
  const url = new URL(endpoint);
  const secure = url.protocol === 'https:';
  const agent = secure ? new SecureAgent({ keepAlive: true }) : new Agent({ keepAlive: true });
  return ({ target, body }: DynamoDbRequest) =>
    new Promise<DynamoDbAnswer>((resolve, reject) => {
      const headers = {
        'x-amz-target': target,
        'x-amz-date': new Date().toISOString().replace(/[-:]|\.\d+/g, ''),
        'content-type': 'application/x-amz-json-1.0',
        'content-length': Buffer.byteLength(body),
        authorization: localAuthorization,
      };
      const options = { method: 'POST', headers, agent, timeout: silence };
      const request = (secure ? httpsRequest : httpRequest)(url, options, (response) => {
        text(response).then((answer) => resolve({ status: response.statusCode!, body: answer }), reject);
      });
      request.on('timeout', () => request.destroy(new Error(`no answer within ${silence / 1000} s`)));
      request.on('error', (error) => reject(inWords(error)));
      request.end(body);
    });
}

/** Where a name has several addresses, Node gives one error for each in an `AggregateError`, whose own message is empty. */
function inWords(error: Error & { readonly errors?: readonly Error[] }): Error {
  return error.errors ? new Error(error.errors.map(({ message }) => message).join(', '), { cause: error }) : error;
}
