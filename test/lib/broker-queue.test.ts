import { describe, expect, it } from '@jest/globals';
import { type QueueName, queues, visibilitySeconds } from '../../lambdas/deployment';
import { constructId } from '../../lib/by-name';
import { bridgeFile, readable, resourcesOf, synthesize } from './synthesize';

const template = synthesize({ maxConcurrency: 17, bridgeFile });
const deployed = resourcesOf(template, 'AWS::SQS::Queue');
const sources = Object.values(resourcesOf(template, 'AWS::Lambda::EventSourceMapping'));

describe.each(Object.keys(queues) as QueueName[])('queue %s', (name) => {
  const queue = deployed[`${constructId(name)}Queue`]!.Properties;
  const deadLetters = deployed[`${constructId(name)}DeadLetters`]!.Properties;
  const spec = queues[name];

  it('is FIFO if its description says so, with order per message group', () => {
    const perGroup = { FifoQueue: true, DeduplicationScope: 'messageGroup', FifoThroughputLimit: 'perMessageGroupId' };

    if (spec.fifo) expect(queue).toMatchObject(perGroup);
    else expect(queue.FifoQueue).toBeUndefined();
    expect(deadLetters.FifoQueue).toBe(queue.FifoQueue);
  });

  it('has a visibility timeout for its consumer and a redrive policy', () => {
    expect(queue.VisibilityTimeout).toBe(visibilitySeconds(name));
    expect(queue.RedrivePolicy.maxReceiveCount).toBe(spec.maxReceives);
    expect(readable(queue.RedrivePolicy.deadLetterTargetArn)).toBe(`${constructId(name)}DeadLetters.Arn`);
    expect(deadLetters.MessageRetentionPeriod).toBe(14 * 24 * 60 * 60);
  });

  it('delivers batches to its consumer, which reports single failed messages', () => {
    const arn = `${constructId(name)}Queue.Arn`;
    const source = sources.find(({ Properties }) => readable(Properties.EventSourceArn) === arn)!.Properties;

    expect(readable(source.FunctionName)).toBe(`${constructId(spec.consumer)}Function`);
    expect(source.BatchSize).toBe(spec.batchSize);
    expect(source.FunctionResponseTypes).toEqual(['ReportBatchItemFailures']);
    expect(source.ScalingConfig).toEqual(name === 'packets' ? { MaximumConcurrency: 17 } : undefined);
  });
});
