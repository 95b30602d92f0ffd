import { Duration } from 'aws-cdk-lib';
import { DeduplicationScope, FifoThroughputLimit, Queue, QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { type QueueName, queues, visibilitySeconds } from '../lambdas/deployment';

export interface BrokerQueueProps {
  readonly name: QueueName;
}

/** One queue of the deployment, with the queue for messages that its consumer never managed. */
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

/** Every queue of dead letters: kept as long as SQS keeps anything, so a weekend or a holiday loses no evidence. */
export const deadLetterDefaults: QueueProps = { ...encrypted, retentionPeriod: Duration.days(14) };

// Order and deduplication count per message group only, so SQS may spread the groups over partitions; without this the
// whole queue is held to 300 calls a second, and the gateway sends frames singly.
const highThroughputFifo: QueueProps = {
  fifo: true,
  deduplicationScope: DeduplicationScope.MESSAGE_GROUP,
  fifoThroughputLimit: FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
};
