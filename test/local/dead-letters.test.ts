import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type QueueName, queues } from '../../lambdas/deployment';
import { Meter } from '../../local/bill';
import { LocalClock } from '../../local/clock';
import { Queue } from '../../local/sqs/queue';

describe('dead letters that are moved back', () => {
  const clock = new LocalClock();
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cirrus-dead-'));
  });
  afterEach(() => {
    clock.stop();
    rmSync(folder, { recursive: true });
  });

  function open(name: QueueName): Queue {
    const journalPath = join(folder, name);
    const queue = new Queue({
      name,
      spec: queues[name],
      visibilitySeconds: 1,
      clock,
      meter: new Meter(clock),
      journalPath,
    });
    queue.restore();
    return queue;
  }

  it('are received as if for the first time, also after a restart', () => {
    const first = open('bridgeIn');
    first.addDeadLetter('one');
    first.addDeadLetter('two');
    expect(first.deadLetters).toHaveLength(2);
    first.close();

    const second = open('bridgeIn');
    expect(second.redrive()).toBe(2);
    expect(second.deadLetters).toEqual([]);
    second.close();

    const third = open('bridgeIn');
    expect(third.deadLetters).toEqual([]);
    expect(third.receive().map(({ body, receives }) => [body, receives])).toEqual([
      ['one', 1],
      ['two', 1],
    ]);
    third.close();
  });
});
