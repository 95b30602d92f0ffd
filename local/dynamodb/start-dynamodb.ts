import type { StartedDynamoDb } from './dynamodb';
import { DynamoDbInProcess } from './dynamodb-in-process';
import { DynamoDbInThread } from './dynamodb-in-thread';
import type { DynamoDbData } from './dynamodb-messages';
import { openEndpoint } from './endpoint';

/** `thread`: file that runs where DynamoDB needs a thread. Resolves when the tables are there and the endpoint listens. */
export async function startDynamoDb(
  thread: string,
  data: DynamoDbData,
  kill: (caller: string) => void,
): Promise<StartedDynamoDb> {
  if (data.path !== undefined && data.remote === undefined) return DynamoDbInThread.start(thread, data, kill);
  const opened = await openEndpoint(data, kill);
  const { port, answer } = opened;
  return { dynamoDb: new DynamoDbInProcess(opened), endpoint: `http://127.0.0.1:${port}`, answer };
}
