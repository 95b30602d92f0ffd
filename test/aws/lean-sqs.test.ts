import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { LeanSqs } from '../../lambdas/aws/lean/lean-sqs';
import { SdkSqs } from '../../lambdas/aws/sdk/sdk-sqs';
import type { BatchEntry, SendMessageInput, Sqs } from '../../lambdas/aws/sqs';
import { TestCloud, until } from '../local/support';
import { withoutPauses } from '../support/without-pauses';

const region = 'us-east-1';
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };

const clients: [string, (endpoint?: string) => Sqs][] = [
  ['LeanSqs', (endpoint) => new LeanSqs({ endpoint, region, credentials, maxAttempts: 5 })],
  ['SdkSqs', (endpoint) => new SdkSqs(new SQSClient({ endpoint, region, credentials, maxAttempts: 5 }))],
];

const strange = 'ü "\\\t\u{1f4a1}\u2028';
const wake = (id: string): SendMessageInput & BatchEntry => ({
  Id: id,
  QueueUrl: '',
  MessageBody: `${strange} ${id}`,
  MessageGroupId: 'JC1dgf9yoAMCK-g=',
  MessageDeduplicationId: `wake#${id}`,
  MessageAttributes: { event: { DataType: 'String', StringValue: 'wake' } },
});
const messageOf = ({ Id: _id, ...message }: BatchEntry & SendMessageInput, QueueUrl: string) => ({
  ...message,
  QueueUrl,
});
const entryOf = ({ QueueUrl: _url, ...entry }: BatchEntry & SendMessageInput): BatchEntry => entry;

describe.each(clients)('%s', (_name, create) => {
  withoutPauses();
  let test: TestCloud;
  let sqs: Sqs;
  beforeAll(async () => {
    test = await TestCloud.start();
    sqs = create(test.cloud.endpoints.sqs);
  });
  afterEach(() => test.cloud.faults.clear());
  afterAll(() => test.cloud.stop());

  const struck = () => test.cloud.faults.report()[0]?.struck;
  const arrived = (id: string) => test.records().filter(({ body }) => body === `${strange} ${id}`);

  it('sends a message with its group and attributes', async () => {
    await expect(sqs.sendMessage(messageOf(wake('one'), test.queueUrl('packets')))).resolves.toBeUndefined();
    await until(() => arrived('one').length === 1);

    expect(arrived('one')[0]).toMatchObject({
      attributes: { MessageGroupId: 'JC1dgf9yoAMCK-g=', MessageDeduplicationId: 'wake#one' },
      messageAttributes: { event: { dataType: 'String', stringValue: 'wake' } },
    });
  });

  it('sends a message for later', async () => {
    await sqs.sendMessage({ QueueUrl: test.queueUrl('timer'), MessageBody: `${strange} later`, DelaySeconds: 60 });
    await test.cloud.settled();
    expect(arrived('later')).toEqual([]);

    test.cloud.clock.jump(60_000);
    await until(() => arrived('later').length === 1);
  });

  it('sends a batch in order', async () => {
    const Entries = ['first', 'second', 'third'].map((id) => entryOf(wake(id)));

    await expect(sqs.sendMessageBatch({ QueueUrl: test.queueUrl('packets'), Entries })).resolves.toEqual([]);
    await until(() => arrived('third').length === 1);

    const bodies = test.bodies().filter((body) => /first|second|third/.test(body));
    expect(bodies).toEqual(Entries.map(({ MessageBody }) => MessageBody));
  });

  it('returns the entries of a batch that were not queued', async () => {
    await test.cloud.faults.set({ fault: 'call', service: 'sqs', outcome: 'partial', times: 1 });
    const Entries = ['kept', 'lost'].map((id) => entryOf(wake(id)));

    const failed = await sqs.sendMessageBatch({ QueueUrl: test.queueUrl('packets'), Entries });

    expect(failed).toEqual([expect.objectContaining({ Id: 'lost', Code: 'InternalError' })]);
    expect(failed).toHaveLength(1);
  });

  it("throws other errors under the service's name, at the first attempt", async () => {
    const absent = `${test.cloud.endpoints.sqs}/000000000000/absent`;
    const QueueUrl = test.queueUrl('packets');

    await expect(sqs.sendMessage({ QueueUrl: absent, MessageBody: 'x' })).rejects.toMatchObject({
      name: 'QueueDoesNotExist',
      message: expect.stringContaining('absent'),
    });
    await expect(sqs.sendMessageBatch({ QueueUrl, Entries: [] })).rejects.toMatchObject({ name: 'EmptyBatchRequest' });
  });

  it.each(['throttle', 'fail'] as const)('repeats a call that meets a %s until it succeeds', async (outcome) => {
    await test.cloud.faults.set({ fault: 'call', service: 'sqs', outcome, times: 3 });

    await sqs.sendMessage(messageOf(wake(outcome), test.queueUrl('packets')));
    await until(() => arrived(outcome).length === 1);

    expect(struck()).toBe(3);
  });

  it('queues a message once if it is repeated after a lost response', async () => {
    await test.cloud.faults.set({ fault: 'call', service: 'sqs', outcome: 'fail', when: 'after', times: 2 });

    await sqs.sendMessage(messageOf(wake('again'), test.queueUrl('packets')));
    await sqs.sendMessage(messageOf(wake('behind'), test.queueUrl('packets')));
    await until(() => arrived('behind').length === 1);

    expect(arrived('again')).toHaveLength(1);
  });

  it.each([
    ['throttle', 'RequestThrottled'],
    ['fail', 'InternalError'],
  ] as const)('throws after five attempts that met a %s', async (outcome, name) => {
    await test.cloud.faults.set({ fault: 'call', service: 'sqs', outcome });

    const sending = sqs.sendMessage(messageOf(wake('never'), test.queueUrl('packets')));

    await expect(sending).rejects.toMatchObject({ name });
    expect(struck()).toBe(5);
  });
});

describe.each(clients)('%s without an endpoint', (_name, create) => {
  let server: Server;
  let origin: string;
  const requests: { url: string; headers: IncomingHttpHeaders }[] = [];
  beforeAll(async () => {
    jest.spyOn(console, 'warn').mockImplementation(() => undefined); // the SDK warns of a queue at another endpoint
    const md5 = '9dd4e461268c8034f5c8564e155c67a6'; // MD5 of "x", which the SDK checks
    const answer = JSON.stringify({ MessageId: 'd3f1', MD5OfMessageBody: md5 });
    server = createServer(({ url = '', headers }, response) => {
      requests.push({ url, headers });
      response.end(answer);
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    jest.restoreAllMocks();
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });

  it('calls the origin of the queue', async () => {
    await create().sendMessage({ QueueUrl: `${origin}/000000000000/timer`, MessageBody: 'x' });

    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({
      url: '/',
      headers: {
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': 'AmazonSQS.SendMessage',
        authorization: expect.stringMatching(
          /^AWS4-HMAC-SHA256 Credential=test\/\d{8}\/us-east-1\/sqs\/aws4_request, /,
        ),
      },
    });
  });
});

describe('LeanSqs', () => {
  it('names the queue that has no address', async () => {
    const sqs = new LeanSqs({ region, credentials, maxAttempts: 5 });

    const sending = sqs.sendMessage({ QueueUrl: '(no TIMER_QUEUE_URL)', MessageBody: 'x' });

    await expect(sending).rejects.toThrow('(no TIMER_QUEUE_URL)');
  });

  it.each([
    ['RequestThrottled', 403],
    ['KmsThrottled', 400],
    ['ThrottlingException', 400],
    ['ServiceUnavailable', 503],
  ])('repeats a call that was refused as %s', async (name, status) => {
    let calls = 0;
    const server = createServer((_request, response) => {
      calls += 1;
      response.writeHead(calls < 3 ? status : 200).end(JSON.stringify({ __type: `com.amazonaws.sqs#${name}` }));
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const QueueUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/000000000000/timer`;

    await new LeanSqs({ region, credentials, maxAttempts: 5 }).sendMessage({ QueueUrl, MessageBody: 'x' });

    expect(calls).toBe(3);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
});
