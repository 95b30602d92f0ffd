import { Duration } from 'aws-cdk-lib';
import { DeduplicationScope, FifoThroughputLimit, Queue, QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { type QueueName, queues, visibilitySeconds } from '../lambdas/deployment';

export interface BrokerQueueProps {
  readonly name: QueueName;
}

/** One queue of the deployment, with its dead-letter queue. */
export class BrokerQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, props: BrokerQueueProps) {
    super(scope, id);
    const { fifo, maxReceives } = queues[props.name];
    const kind = fifo ? highThroughputFifo : {};
    this.deadLetters = new Queue(this, 'DeadLetters', { ...deadLetterDefaults, ...kind });
    this.queue = new Queue(this, 'Queue', {
      ...encrypted,
      ...kind,
      retentionPeriod: Duration.days(4),
      visibilityTimeout: Duration.seconds(visibilitySeconds(props.name)),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: maxReceives },
    });
  }
}

const encrypted: QueueProps = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true };

/** Settings of every dead-letter queue. 14 days is the maximum retention of SQS, so that dead letters survive a weekend or a holiday. */
export const deadLetterDefaults: QueueProps = { ...encrypted, retentionPeriod: Duration.days(14) };

// Order and deduplication apply per message group, so SQS can distribute the groups over partitions. Without high throughput mode the
// whole queue is limited to 300 calls per second, and the gateway sends each frame in a call of its own.
const highThroughputFifo: QueueProps = {
  fifo: true,
  deduplicationScope: DeduplicationScope.MESSAGE_GROUP,
  fifoThroughputLimit: FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
};
