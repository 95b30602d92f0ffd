import { join } from 'node:path';
import { type FunctionName, type QueueName, queues as specs, visibilitySeconds } from '../../lambdas/deployment';
import type { Meter } from '../bill';
import type { LocalClock } from '../clock';
import type { ContainerPool } from '../lambda/container-pool';
import { deployedQueueName } from '../lambda/environment';
import { entriesOf, mapValues } from '../names';
import { EventSource } from './event-source';
import { Queue } from './queue';
import type { DeadLetter } from './sqs-api';

export interface QueuesProps {
  /** Folder that keeps the messages over a restart; in memory if undefined. */
  readonly data: string | undefined;
  /** Visibility timeout of all queues; the deployed ones if undefined. */
  readonly visibilitySeconds: number | undefined;
  readonly clock: LocalClock;
  readonly meter: Meter;
}

/** All queues of the broker. */
export class Queues {
  readonly byName: { readonly [Name in QueueName]: Queue };

  constructor(private readonly props: QueuesProps) {
    this.byName = mapValues(specs, (_spec, name) => this.create(name));
  }

  /** True when no queue has a message that can be received or is being processed. */
  get idle(): boolean {
    return this.all.every((queue) => queue.idle);
  }

  deadLetters(): DeadLetter[] {
    return entriesOf(this.byName).flatMap(([queue, { deadLetters }]) =>
      deadLetters.map((message) => ({ ...message, queue })),
    );
  }

  /** Restores the messages of an earlier process. */
  restore(): void {
    for (const queue of this.all) queue.restore();
  }

  /** Starts the event source mappings. */
  connect(pools: { readonly [Name in FunctionName]: ContainerPool }): void {
    for (const [name, queue] of entriesOf(this.byName)) {
      const arn = `arn:aws:sqs:us-east-1:000000000000:${deployedQueueName(name)}`;
      new EventSource({ arn, queue, pool: pools[specs[name].consumer], clock: this.props.clock }).start();
    }
  }

  close(): void {
    for (const queue of this.all) queue.close();
  }

  private get all(): readonly Queue[] {
    return Object.values(this.byName);
  }

  private create(name: QueueName): Queue {
    const { data, clock, meter } = this.props;
    return new Queue({
      name,
      spec: specs[name],
      visibilitySeconds: this.props.visibilitySeconds ?? visibilitySeconds(name),
      clock,
      meter,
      journalPath: data === undefined ? undefined : join(data, `${name}.queue`),
    });
  }
}
