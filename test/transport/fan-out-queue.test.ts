import { describe, expect, it } from '@jest/globals';
import type { SQSRecord } from 'aws-lambda';
import type { BatchEntry, SendMessageBatchInput, Sqs } from '../../lambdas/aws/sqs';
import type { FanOutJob, FanOutMessage } from '../../lambdas/broker/model/fan-out-job';
import type { Subscriber } from '../../lambdas/broker/model/subscription';
import { recipientsOf } from '../../lambdas/broker/topic-index/recipients';
import type { Message } from '../../lambdas/protocol/effects';
import { SqsFanOutQueue, toFanOutJob } from '../../lambdas/transport/fan-out-queue';
import { emptyMessage, everyByte, fullMessage, message, singleProperties } from '../storage/support/messages';

/** Records batches instead of sending them. */
class Recorder implements Sqs {
  readonly entries: BatchEntry[] = [];

  async sendMessage(): Promise<void> {
    throw new Error('fan-out jobs are sent in batches');
  }

  async sendMessageBatch({ Entries }: SendMessageBatchInput): Promise<[]> {
    this.entries.push(...Entries);
    return [];
  }
}

function toRecord({ MessageBody, MessageGroupId = '' }: BatchEntry): SQSRecord {
  return {
    messageId: 'd3f1',
    receiptHandle: '',
    body: MessageBody,
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: '0',
      SenderId: '',
      ApproximateFirstReceiveTimestamp: '0',
      MessageGroupId,
    },
    messageAttributes: {},
    md5OfBody: '',
    eventSource: 'aws:sqs',
    eventSourceARN: '',
    awsRegion: '',
  };
}

/** Sends jobs and reads them back. */
async function throughQueue(...jobs: readonly FanOutJob[]): Promise<FanOutJob[]> {
  const recorder = new Recorder();
  await new SqsFanOutQueue(recorder, 'https://queue').send(jobs);
  return recorder.entries.map((entry) => toFanOutJob(toRecord(entry)));
}

function job(messages: readonly FanOutMessage[], subscribers: readonly Subscriber[] = []): FanOutJob {
  return { shard: '7', id: 'd3f1', messages, subscribers };
}

function withMessages(...messages: readonly Message[]): FanOutJob {
  return job(messages.map((one, index) => ({ id: `event.${index}`, message: one, attempted: index % 2 === 0 })));
}

describe('a fan-out job', () => {
  it('is the same after the queue', async () => {
    const plain = withMessages(message('a/b', everyByte), message('a', ''));

    expect(await throughQueue(plain)).toEqual([plain]);
  });

  it('keeps all properties of its messages', async () => {
    const full = withMessages(fullMessage('a/b'), emptyMessage('a/b'), message('a/b'));

    expect(await throughQueue(full)).toEqual([full]);
  });

  it('keeps each property alone', async () => {
    const singles = withMessages(...singleProperties.map((properties) => message('a', 'on', { properties })));

    expect(await throughQueue(singles)).toEqual([singles]);
  });

  it('keeps quotes, control characters and all other characters', async () => {
    const strange = '"\\\u0001\u007f\u2028\ufeff\u00e9\u{1f4a1}';
    const fanOutJob = withMessages(
      message(strange, 'on', { properties: { contentType: strange, userProperties: [[strange, strange]] } }),
    );

    expect(await throughQueue(fanOutJob)).toEqual([fanOutJob]);
  });

  it('is a body of ASCII, which SQS accepts for any string', async () => {
    const strange = `\u{1ffff}a\uffff\ufffe\ufdd0\u0000é${String.fromCharCode(0xd800)}`;
    const recorder = new Recorder();
    const subscriber = { filter: strange, clientId: strange, session: 's', qos: 1, share: strange } as const;
    const fanOutJob = job([{ id: strange, message: message(strange), attempted: true }], [subscriber]);
    await new SqsFanOutQueue(recorder, 'https://queue').send([fanOutJob]);

    expect(recorder.entries.map(({ MessageBody }) => MessageBody)).toEqual([expect.stringMatching(/^[\x20-\x7e]+$/)]);
    expect(toFanOutJob(toRecord(recorder.entries[0]!))).toEqual(fanOutJob);
  });

  it('keeps the options of its subscribers, including No Local', async () => {
    const rows: Subscriber[] = [
      { filter: 'a/+', clientId: 'one', session: 's', qos: 2, noLocal: true, identifiers: [7, 9] },
      { filter: '#', clientId: 'one', session: 's', qos: 0, retainAsPublished: true },
      { filter: '#', clientId: 'two', session: 't', qos: 1, noLocal: true },
      { filter: '#', clientId: 'three', session: 'u', qos: 0 },
    ];
    const { nonShared } = recipientsOf(rows);
    const options = job([{ id: 'event.0', message: message('a/b'), attempted: false }], nonShared);

    expect(nonShared).toHaveLength(3);
    expect(await throughQueue(options)).toEqual([options]);
  });
});
