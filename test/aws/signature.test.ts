import { createHash, createHmac } from 'node:crypto';
import { ApiGatewayManagementApiClient, PostToConnectionCommand } from '@aws-sdk/client-apigatewaymanagementapi';
import { DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { describe, expect, it } from '@jest/globals';
import { type Credentials, Signer } from '../../lambdas/aws/lean/signature';

interface SentRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string | Uint8Array;
}

const region = 'eu-central-1';
const lasting: Credentials = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
};
const ofLambda: Credentials = { ...lasting, sessionToken: 'IQoJb3JpZ2luX2VjE+/a=='.repeat(10) };

/** Takes what an SDK client has signed, instead of sending it. */
class Capture {
  request: SentRequest | undefined;

  readonly handle = async (request: SentRequest) => {
    this.request = request;
    throw new Error('not sent');
  };
}

/** A request as the SDK's own client signs it. */
async function signedBySdk(send: (handler: Capture) => Promise<unknown>): Promise<SentRequest> {
  const capture = new Capture();
  await send(capture).catch(() => undefined);
  if (!capture.request) throw new Error('nothing was signed');
  return capture.request;
}

function signedByUs(sent: SentRequest, credentials: Credentials, service: string): Record<string, string> {
  const { authorization = '', 'x-amz-date': time = '' } = sent.headers;
  const names = /SignedHeaders=([^,]*)/.exec(authorization)?.[1]?.split(';') ?? [];
  const added = ['x-amz-date', 'x-amz-content-sha256', 'x-amz-security-token'];
  const given = names.filter((name) => !added.includes(name)).map((name) => [name, sent.headers[name] ?? '']);
  const request = {
    method: sent.method,
    path: sent.path,
    headers: Object.fromEntries(given),
    body: typeof sent.body === 'string' ? sent.body : Buffer.concat([sent.body]),
  };
  const now = new Date(time.replace(/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/, '$1-$2-$3T$4:$5:$6Z'));
  return new Signer(credentials, region, service).sign(request, now);
}

const common = (credentials: Credentials, requestHandler: Capture) => ({
  region,
  credentials,
  maxAttempts: 1,
  requestHandler: requestHandler as never,
});

const getItem = new GetItemCommand({ TableName: 'sessions', Key: { id: { S: 'müller' }, part: { S: 'head' } } });
const putItem = new PutItemCommand({ TableName: 'retained', Item: { payload: { B: Buffer.from([0, 255, 128]) } } });

describe('the signature', () => {
  it.each([
    ['GetItem', getItem, lasting],
    ['GetItem with a session token', getItem, ofLambda],
    ['PutItem with bytes', putItem, ofLambda],
  ] as const)("is the SDK's for %s", async (_name, command, credentials) => {
    const sent = await signedBySdk((handler) =>
      new DynamoDBClient(common(credentials, handler)).send(command as GetItemCommand),
    );

    const headers = signedByUs(sent, credentials, 'dynamodb');

    expect(headers.authorization).toBe(sent.headers.authorization);
    expect(headers['x-amz-content-sha256']).toBe(sent.headers['x-amz-content-sha256']);
    expect(headers['x-amz-security-token']).toBe(sent.headers['x-amz-security-token']);
  });

  it.each([
    ['', lasting],
    [' with a session token', ofLambda],
  ])("is the SDK's for SendMessage%s", async (_name, credentials) => {
    const QueueUrl = 'https://sqs.eu-central-1.amazonaws.com/000000000000/timer';
    const sent = await signedBySdk((handler) =>
      new SQSClient(common(credentials, handler)).send(new SendMessageCommand({ QueueUrl, MessageBody: 'müller' })),
    );

    expect(sent.headers.host).toBe('sqs.eu-central-1.amazonaws.com');
    expect(signedByUs(sent, credentials, 'sqs').authorization).toBe(sent.headers.authorization);
  });

  it.each([
    ['', lasting],
    [' with a session token', ofLambda],
  ])("is the SDK's for PutEvents%s", async (_name, credentials) => {
    const Entries = [{ Source: 'cirrus-mqtt', DetailType: 'MQTT Message', Detail: '{"topic":"müller"}' }];
    const sent = await signedBySdk((handler) =>
      new EventBridgeClient(common(credentials, handler)).send(new PutEventsCommand({ Entries })),
    );

    expect(sent.headers.host).toBe('events.eu-central-1.amazonaws.com');
    expect(signedByUs(sent, credentials, 'events').authorization).toBe(sent.headers.authorization);
  });

  it.each([
    ['JC1dgf9yoAMCK-g=', lasting],
    ['JC1dgf9yoAMCK-g=', ofLambda],
    ['a+b/c_d==', ofLambda],
  ])("is the SDK's for a post to %s", async (connectionId, credentials) => {
    const endpoint = 'https://abc123.execute-api.eu-central-1.amazonaws.com/mqtt';
    const sent = await signedBySdk((handler) =>
      new ApiGatewayManagementApiClient({ ...common(credentials, handler), endpoint }).send(
        new PostToConnectionCommand({ ConnectionId: connectionId, Data: Buffer.from('1 kAA=') }),
      ),
    );

    expect(sent.path).toBe(`/mqtt/@connections/${encodeURIComponent(connectionId)}`);
    expect(signedByUs(sent, credentials, 'execute-api').authorization).toBe(sent.headers.authorization);
  });

  it('is made with the key that AWS derives in its documentation', () => {
    const key = Buffer.from('c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9', 'hex');
    const request = { method: 'GET', path: '/', headers: { host: 'iam.amazonaws.com' }, body: '' };

    const signer = new Signer(lasting, 'us-east-1', 'iam');
    const { authorization } = signer.sign(request, new Date('2015-08-30T12:36:00.000Z'));

    const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
    const canonical = `GET
/

host:iam.amazonaws.com
x-amz-content-sha256:${sha256('')}
x-amz-date:20150830T123600Z

host;x-amz-content-sha256;x-amz-date
${sha256('')}`;
    const text = `AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/iam/aws4_request\n${sha256(canonical)}`;
    expect(authorization).toContain(`Signature=${createHmac('sha256', key).update(text).digest('hex')}`);
  });

  it('takes a new key when the day changes, and the old one when it comes back', () => {
    const request = { method: 'POST', path: '/', headers: { host: 'here' }, body: 'x' };
    const days = ['2026-01-31T23:59:59Z', '2026-02-01T00:00:00Z', '2026-01-31T23:59:59Z'].map((day) => new Date(day));
    const signer = new Signer(lasting, region, 'dynamodb');

    const reused = days.map((day) => signer.sign(request, day));

    expect(reused).toEqual(days.map((day) => new Signer(lasting, region, 'dynamodb').sign(request, day)));
    expect(reused[0]?.authorization).not.toBe(reused[1]?.authorization);
  });
});
