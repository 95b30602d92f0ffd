import { Agent, request as httpRequest } from 'node:http';
import { request as httpsRequest, Agent as SecureAgent } from 'node:https';
import { text } from 'node:stream/consumers';
import { signedHeaders } from '../http-api/signature-check';
import type { Backend, DynamoDbRequest, DynamoDbResponse } from './backend';

/** Milliseconds without a byte after which a call fails. */
const silence = 10_000;

/**
 * Any DynamoDB endpoint that accepts the local keys: DynamoDB Local, LocalStack, or another local cloud. All containers
 * use one access key id here, because an endpoint may keep a database for each id; their permissions have been checked
 * before.
 */
export function remoteBackend(endpoint: string): Backend {
  const url = new URL(endpoint);
  const secure = url.protocol === 'https:';
  const agent = secure ? new SecureAgent({ keepAlive: true }) : new Agent({ keepAlive: true });
  return ({ target, body }: DynamoDbRequest) =>
    new Promise<DynamoDbResponse>((resolve, reject) => {
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
        text(response).then((body) => resolve({ status: response.statusCode!, body }), reject);
      });
      request.on('timeout', () => request.destroy(new Error(`no response within ${silence / 1000} s`)));
      request.on('error', (error) => reject(describe(error)));
      request.end(body);
    });
}

/**
 * Returns an error with a message. For a host with several addresses Node throws an `AggregateError`, whose own message
 * is empty.
 */
function describe(error: Error & { readonly errors?: readonly Error[] }): Error {
  return error.errors ? new Error(error.errors.map(({ message }) => message).join(', '), { cause: error }) : error;
}
