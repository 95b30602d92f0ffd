import { describe, expect, it } from '@jest/globals';
import { moveDeadLetters } from '../../../cli/admin/move-dead-letters';

const deadLetters = 'https://sqs.example/1/bridge-dead';
const queue = 'https://sqs.example/1/bridge';

/** SQS with these states of a move, one for each time it is asked. */
function sqsWith(...states: object[]) {
  const inputs: object[] = [];
  const answers: Record<string, (input: { QueueUrl?: string }) => object> = {
    GetQueueAttributesCommand: ({ QueueUrl }) => ({ Attributes: { QueueArn: `arn:${QueueUrl}` } }),
    ListDeadLetterSourceQueuesCommand: ({ QueueUrl }) => ({ queueUrls: QueueUrl === deadLetters ? [queue] : [] }),
    StartMessageMoveTaskCommand: (input) => {
      inputs.push(input);
      return { TaskHandle: 'handle' };
    },
    ListMessageMoveTasksCommand: () => ({ Results: [states.shift()] }),
  };
  const send = async (command: { constructor: { name: string }; input: object }) =>
    answers[command.constructor.name]?.(command.input);
  return { sqs: { send } as unknown as Parameters<typeof moveDeadLetters>[0], inputs };
}

describe('moveDeadLetters', () => {
  it('names the destination, waits for the end, and returns the number of messages', async () => {
    const { sqs, inputs } = sqsWith(
      { Status: 'RUNNING' },
      { Status: 'COMPLETED', ApproximateNumberOfMessagesMoved: 3 },
    );

    expect(await moveDeadLetters(sqs, deadLetters, { pollIntervalMs: 1 })).toBe(3);
    expect(inputs).toEqual([{ SourceArn: `arn:${deadLetters}`, DestinationArn: `arn:${queue}` }]);
  });

  it('reports the progress', async () => {
    const numbers = { ApproximateNumberOfMessagesMoved: 40, ApproximateNumberOfMessagesToMove: 100 };
    const { sqs } = sqsWith({ Status: 'RUNNING' }, { Status: 'RUNNING', ...numbers }, { Status: 'COMPLETED' });
    const told: number[][] = [];

    await moveDeadLetters(sqs, deadLetters, { pollIntervalMs: 1, onMoved: (...far) => told.push(far) });

    expect(told).toEqual([
      [0, 0],
      [40, 100],
    ]);
  });

  it('rejects with the reason of a failure', async () => {
    const { sqs } = sqsWith({ Status: 'FAILED', FailureReason: 'AccessDenied' });

    await expect(moveDeadLetters(sqs, deadLetters, { pollIntervalMs: 1 })).rejects.toThrow('FAILED: AccessDenied');
  });

  it('rejects for a queue that is not a dead-letter queue', async () => {
    await expect(moveDeadLetters(sqsWith().sqs, queue, { pollIntervalMs: 1 })).rejects.toThrow(queue);
  });
});
