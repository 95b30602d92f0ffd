import { setTimeout as sleep } from 'node:timers/promises';
import {
  GetQueueAttributesCommand,
  ListDeadLetterSourceQueuesCommand,
  ListMessageMoveTasksCommand,
  type ListMessageMoveTasksResultEntry,
  type SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';

type Sender = Pick<SQSClient, 'send'>;

export interface MoveOptions {
  /** Milliseconds between two questions how far it is; 1,000 if absent. */
  readonly pause?: number;
  /** Is told after each of them how many dead letters were moved, and how many there are, about. */
  readonly onMoved?: (moved: number, all: number) => void;
}

/**
 * Moves everything from a queue of dead letters to the queue they belong to, and waits for it; returns how many they were.
 * The destination is named because not all of them came from there: rules and failed invocations put theirs down directly.
 */
export async function moveDeadLetters(
  sqs: Sender,
  url: string,
  { pause = 1000, onMoved = () => undefined }: MoveOptions = {},
): Promise<number> {
  const SourceArn = await arnOf(sqs, url);
  const { queueUrls = [] } = await sqs.send(new ListDeadLetterSourceQueuesCommand({ QueueUrl: url }));
  const [source] = queueUrls;
  if (source === undefined) throw new Error(`no queue has ${url} for its dead letters`);
  const DestinationArn = await arnOf(sqs, source);
  await sqs.send(new StartMessageMoveTaskCommand({ SourceArn, DestinationArn }));
  for (;;) {
    const task = await newestTask(sqs, SourceArn);
    const moved = task?.ApproximateNumberOfMessagesMoved ?? 0;
    if (task?.Status === 'COMPLETED') return moved;
    if (task?.Status !== 'RUNNING')
      throw new Error(`moving ended as ${task?.Status}: ${task?.FailureReason ?? 'unknown'}`);
    onMoved(moved, task.ApproximateNumberOfMessagesToMove ?? moved);
    await sleep(pause);
  }
}

async function newestTask(sqs: Sender, SourceArn: string): Promise<ListMessageMoveTasksResultEntry | undefined> {
  const { Results = [] } = await sqs.send(new ListMessageMoveTasksCommand({ SourceArn, MaxResults: 1 }));
  return Results[0];
}

async function arnOf(sqs: Sender, QueueUrl: string): Promise<string> {
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
  const arn = Attributes?.QueueArn;
  if (arn === undefined) throw new Error(`SQS does not tell the ARN of ${QueueUrl}`);
  return arn;
}
