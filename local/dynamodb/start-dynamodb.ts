import type { StartedDynamoDb } from './dynamodb';
import { DynamoDbInProcess } from './dynamodb-in-process';
import { DynamoDbInThread } from './dynamodb-in-thread';
import type { DynamoDbData } from './dynamodb-messages';
import { openEndpoint } from './endpoint';

/**
 * Resolves when the tables exist and the endpoint listens. `thread` is the file that runs where DynamoDB needs a
 * thread.
 */
export async function startDynamoDb(
  thread: string,
  data: DynamoDbData,
  kill: (caller: string) => void,
): Promise<StartedDynamoDb> {
  if (data.path !== undefined && data.remote === undefined) return DynamoDbInThread.start(thread, data, kill);
  const opened = await openEndpoint(data, kill);
  const { port, respond } = opened;
  return { dynamoDb: new DynamoDbInProcess(opened), endpoint: `http://127.0.0.1:${port}`, respond };
}
