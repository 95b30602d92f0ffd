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
  /** Milliseconds between two status requests; 1,000 by default. */
  readonly pollIntervalMs?: number;
  /** Called after each status request with the number of moved dead letters and the approximate total. */
  readonly onMoved?: (moved: number, all: number) => void;
}

/**
 * Moves all messages of a dead-letter queue to its source queue and waits for the end. Returns the number of messages.
 * The request names the destination because SQS knows the source only of messages that it moved itself: IoT rules and
 * failed invocations write to the dead-letter queue directly. @throws Error if the move fails or is cancelled.
 */
export async function moveDeadLetters(
  sqs: Sender,
  url: string,
  { pollIntervalMs = 1000, onMoved = () => undefined }: MoveOptions = {},
): Promise<number> {
  const SourceArn = await arnOf(sqs, url);
  const { queueUrls = [] } = await sqs.send(new ListDeadLetterSourceQueuesCommand({ QueueUrl: url }));
  const [source] = queueUrls;
  if (source === undefined) throw new Error(`no queue uses ${url} as its dead-letter queue`);
  const DestinationArn = await arnOf(sqs, source);
  await sqs.send(new StartMessageMoveTaskCommand({ SourceArn, DestinationArn }));
  for (;;) {
    const task = await newestTask(sqs, SourceArn);
    const moved = task?.ApproximateNumberOfMessagesMoved ?? 0;
    if (task?.Status === 'COMPLETED') return moved;
    if (task?.Status !== 'RUNNING')
      throw new Error(`the move ended with status ${task?.Status}: ${task?.FailureReason ?? 'unknown reason'}`);
    onMoved(moved, task.ApproximateNumberOfMessagesToMove ?? moved);
    await sleep(pollIntervalMs);
  }
}

async function newestTask(sqs: Sender, SourceArn: string): Promise<ListMessageMoveTasksResultEntry | undefined> {
  const { Results = [] } = await sqs.send(new ListMessageMoveTasksCommand({ SourceArn, MaxResults: 1 }));
  return Results[0];
}

async function arnOf(sqs: Sender, QueueUrl: string): Promise<string> {
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
  const arn = Attributes?.QueueArn;
  if (arn === undefined) throw new Error(`SQS returned no ARN for ${QueueUrl}`);
  return arn;
}
