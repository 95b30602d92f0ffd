import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { queues } from '../../lambdas/deployment';
import { Signal, TestCloud, until } from './support';

describe('the queues', () => {
  let test: TestCloud;
  let sqs: ReturnType<TestCloud['sqs']>;
  let packets: string;
  let timer: string;
  let group = '';
  let groups = 0;
  beforeAll(async () => {
    test = await TestCloud.start({ visibilitySeconds: 0.2, containers: 1 });
    sqs = test.sqs();
    packets = test.queueUrl('packets');
    timer = test.queueUrl('timer');
  });
  beforeEach(() => {
    groups += 1;
    group = `group-${groups}`;
  });
  afterAll(() => test.cloud.stop());

  const send = (MessageBody: string, MessageDeduplicationId = MessageBody.replaceAll(' ', '-')) =>
    sqs.sendMessage({ QueueUrl: packets, MessageBody, MessageGroupId: group, MessageDeduplicationId });

  it('delivers records of the real shape', async () => {
    const MessageAttributes = { event: { DataType: 'String', StringValue: 'wake' } };
    const sent = await sqs.sendMessage({
      QueueUrl: packets,
      MessageBody: 'hello',
      MessageGroupId: group,
      MessageDeduplicationId: 'd1',
      MessageAttributes,
    });
    await until(() => test.bodies(group).length === 1);

    expect(test.records(group)[0]).toMatchObject({
      messageId: sent.MessageId,
      receiptHandle: expect.any(String),
      body: 'hello',
      md5OfBody: '5d41402abc4b2a76b9719d911017c592',
      eventSource: 'aws:sqs',
      eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:packets.fifo',
      awsRegion: 'us-east-1',
      attributes: {
        ApproximateReceiveCount: '1',
        SentTimestamp: expect.stringMatching(/^\d{13}$/),
        ApproximateFirstReceiveTimestamp: expect.stringMatching(/^\d{13}$/),
        SequenceNumber: sent.SequenceNumber,
        MessageGroupId: group,
        MessageDeduplicationId: 'd1',
      },
      messageAttributes: { event: { stringValue: 'wake', dataType: 'String' } },
    });
    expect(sent.SequenceNumber).toMatch(/^\d{20}$/);
  });

  it('drops a repeated deduplication id for 5 minutes', async () => {
    const first = await send('a', 'same');
    expect(await send('b', 'same')).toMatchObject({ SequenceNumber: first.SequenceNumber });
    test.cloud.clock.jump(5 * 60_000 + 1);
    await send('c', 'same');
    await until(() => test.bodies(group).length === 2);

    expect(test.bodies(group)).toEqual(['a', 'c']);
  });

  it('accepts batches, and returns which entries it refuses', async () => {
    const entry = (Id: string, MessageBody: string) => ({
      Id,
      MessageBody,
      MessageGroupId: group,
      MessageDeduplicationId: Id,
    });
    const answer = await sqs.sendMessageBatch({ QueueUrl: packets, Entries: [entry('1', 'a'), entry('2', '\u0001')] });

    expect(answer.Successful).toMatchObject([{ Id: '1', MessageId: expect.any(String) }]);
    expect(answer.Failed).toMatchObject([{ Id: '2', SenderFault: true }]);
    const tooMany = Array.from({ length: 11 }, (_, index) => entry(String(index), 'x'));
    await expect(sqs.sendMessageBatch({ QueueUrl: packets, Entries: tooMany })).rejects.toThrow('11 entries');
  });

  it('refuses what SQS refuses', async () => {
    const url = { QueueUrl: packets, MessageBody: 'x' };
    await expect(sqs.sendMessage({ ...url, MessageDeduplicationId: 'd' })).rejects.toThrow('MessageGroupId');
    await expect(sqs.sendMessage({ ...url, MessageGroupId: group })).rejects.toThrow('MessageDeduplicationId');
    await expect(send('x', 'with a space')).rejects.toThrow('MessageDeduplicationId is "with a space"');
    await expect(send('x', 'd'.repeat(129))).rejects.toThrow('1 to 128 letters, digits and punctuation');
    await expect(send('a\ud800', 'd')).rejects.toThrow('characters not allowed');
    await expect(sqs.sendMessage({ QueueUrl: timer, MessageBody: 'x', DelaySeconds: 901 })).rejects.toThrow('901');
    await expect(sqs.sendMessage({ QueueUrl: `${packets}x`, MessageBody: 'x' })).rejects.toThrow('does not exist');
  });

  it('makes batches of up to 10 over several groups while the containers are busy', async () => {
    const busy = new Signal();
    await send(`wait ${busy.file}`, 'busy');
    await until(() => test.bodies(group).length === 1);
    const entries = Array.from({ length: 15 }, (_, index) => ({
      Id: String(index),
      MessageBody: `body ${index}`,
      MessageGroupId: `${group}-${index % 3}`,
      MessageDeduplicationId: String(index),
    }));
    await sqs.sendMessageBatch({ QueueUrl: packets, Entries: entries.slice(0, 10) });
    await sqs.sendMessageBatch({ QueueUrl: packets, Entries: entries.slice(10) });
    const before = test.batches.length;
    busy.give();
    await test.cloud.settled();
    busy.remove();

    expect(test.batches.slice(before).map((batch) => batch.length)).toEqual([10, 5]);
    expect(test.bodies(`${group}-1`)).toEqual(['body 1', 'body 4', 'body 7', 'body 10', 'body 13']);
  });

  it('gives a failed message again after the visibility timeout, and its group waits behind it', async () => {
    await send('flaky');
    await send('after');
    await until(() => test.bodies(group).length >= 1);
    const other = `${group}-other`;
    await sqs.sendMessage({ QueueUrl: packets, MessageBody: 'b', MessageGroupId: other, MessageDeduplicationId: 'b' });
    await test.cloud.settled();

    const counts = test.records(group).map(({ body, attributes }) => [body, attributes.ApproximateReceiveCount]);
    expect(counts[0]).toEqual(['flaky', '1']);
    expect(counts).toContainEqual(['flaky', '2']);
    expect(counts.filter(([body]) => body === 'after')).toEqual([['after', '1']]);
    const all = test.records().map(({ body, attributes }) => `${attributes.MessageGroupId} ${body}`);
    expect(all.indexOf(`${other} b`)).toBeLessThan(all.lastIndexOf(`${group} flaky`));
  });

  it('gives the whole batch again when the function throws, and keeps dead letters after all receives', async () => {
    const { maxReceives } = queues.packets;
    await send('throw');
    await until(async () => {
      test.cloud.clock.jump(200);
      await sleep(5);
      return test.cloud.deadLetters().length === 1;
    });

    expect(test.cloud.deadLetters()[0]).toMatchObject({
      queue: 'packets',
      body: 'throw',
      group,
      receives: maxReceives,
    });
    expect(test.bodies(group)).toEqual(Array(maxReceives).fill('throw'));
    await send('next');
    await until(() => test.bodies(group).includes('next'));
  });

  it('gives the whole batch again when the function names a message that was not in it', async () => {
    await send('stranger');
    await until(() => test.bodies(group).length === 2);

    expect(test.records(group).map(({ attributes }) => attributes.ApproximateReceiveCount)).toEqual(['1', '2']);
  });

  it('delays a message of the standard queue on the local clock', async () => {
    await sqs.sendMessage({ QueueUrl: timer, MessageBody: `late ${group}`, DelaySeconds: 900 });
    await sqs.sendMessage({ QueueUrl: timer, MessageBody: `soon ${group}` });
    await until(() => test.bodies().includes(`soon ${group}`));
    await test.cloud.settled();
    expect(test.bodies()).not.toContain(`late ${group}`);
    const counts = await sqs.getQueueAttributes({ QueueUrl: timer, AttributeNames: ['All'] });
    expect(counts.Attributes).toMatchObject({ ApproximateNumberOfMessagesDelayed: '1' });

    test.cloud.clock.jump(900_000);
    await until(() => test.bodies().includes(`late ${group}`));
  });
});
