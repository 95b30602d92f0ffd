import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { schemaVersions } from '../../lambdas/storage/schema-version';
import { DynamoStoredRows } from '../../lambdas/storage/stored-rows';
import { Engine } from './support/engine';

describe('stored rows', () => {
  let engine: Engine;
  let stored: DynamoStoredRows;

  beforeAll(async () => {
    engine = await Engine.start();
    const names = ['connections', 'sessions', 'topicIndex', 'inflight'] as const;
    const tables = names.map((name) => [name, engine.table(name)] as const);
    stored = new DynamoStoredRows(
      engine.client(),
      Object.fromEntries(tables) as Record<(typeof names)[number], string>,
    );
  });

  afterAll(() => engine.stop());

  async function all<Row>(pages: AsyncIterable<Row[]>): Promise<Row[]> {
    const found: Row[] = [];
    for await (const page of pages) found.push(...page);
    return found;
  }

  const put = (part: string, version: number) =>
    engine.client().send(
      new PutItemCommand({
        TableName: engine.table('sessions'),
        Item: { id: { S: '000000000000001#a' }, part: { S: part }, v: { N: String(version) } },
      }),
    );

  it('with a newer schema version are skipped, and a session item with one is an error', async () => {
    const { read } = schemaVersions.sessions;
    await put('sub#known', read);
    await put('sub#newer', read + 1);

    expect(await all(stored.rows())).toHaveLength(1);

    await put('head', read + 1);

    await expect(all(stored.sessionItems())).rejects.toThrow(`schema version ${read + 1}`);
  });
});
