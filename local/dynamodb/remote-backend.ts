import { Agent, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import type { Backend, DynamoDbRequest } from './backend';

/** Any DynamoDB endpoint that does not check signatures: DynamoDB Local, LocalStack and their like. */
export function remoteBackend(endpoint: string): Backend {
  const url = new URL(endpoint);
  const secure = url.protocol === 'https:';
  const agent = secure ? undefined : new Agent({ keepAlive: true });
  return ({ target, body, authorization }: DynamoDbRequest) =>
    new Promise((resolve, reject) => {
      const headers = {
        'x-amz-target': target,
        'x-amz-date': new Date().toISOString().replace(/[-:]|\.\d+/g, ''),
        'content-type': 'application/x-amz-json-1.0',
        'content-length': Buffer.byteLength(body),
        authorization,
      };
      const request = (secure ? httpsRequest : httpRequest)(url, { method: 'POST', headers, agent }, (response) => {
        text(response).then((answer) => resolve({ status: response.statusCode!, body: answer }), reject);
      });
      request.once('error', reject);
      request.end(body);
    });
}
