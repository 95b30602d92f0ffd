import { Agent, request as httpRequest } from 'node:http';
import { request as httpsRequest, Agent as SecureAgent } from 'node:https';
import { text } from 'node:stream/consumers';
import { signedHeaders } from '../http-api/signature-check';
import type { Backend, DynamoDbAnswer, DynamoDbRequest } from './backend';

/** Milliseconds without a byte after which a call is given up. */
const silence = 10_000;

/**
 * Any DynamoDB endpoint that takes the local keys: DynamoDB Local, LocalStack and their like, and another local cloud. All
 * containers come under one access key id: what each may do has been judged before, and an endpoint may keep a database for
 * each id.
 */
export function remoteBackend(endpoint: string): Backend {
  const url = new URL(endpoint);
  const secure = url.protocol === 'https:';
  const agent = secure ? new SecureAgent({ keepAlive: true }) : new Agent({ keepAlive: true });
  return ({ target, body }: DynamoDbRequest) =>
    new Promise<DynamoDbAnswer>((resolve, reject) => {
      const unsigned = { host: url.host, 'x-amz-target': target, 'content-type': 'application/x-amz-json-1.0' };
      const toSign = {
        method: 'POST',
        url: `${url.pathname}${url.search}`,
        headers: unsigned,
        body: Buffer.from(body),
      };
      const headers = { ...signedHeaders('dynamodb', toSign), 'content-length': Buffer.byteLength(body) };
      const options = { method: 'POST', headers, agent, timeout: silence };
      const request = (secure ? httpsRequest : httpRequest)(url, options, (response) => {
        text(response).then((answer) => resolve({ status: response.statusCode!, body: answer }), reject);
      });
      request.on('timeout', () => request.destroy(new Error(`no answer within ${silence / 1000} s`)));
      request.on('error', (error) => reject(describe(error)));
      request.end(body);
    });
}

/** Where a name has several addresses, Node gives one error for each in an `AggregateError`, whose own message is empty. */
function describe(error: Error & { readonly errors?: readonly Error[] }): Error {
  return error.errors ? new Error(error.errors.map(({ message }) => message).join(', '), { cause: error }) : error;
}
