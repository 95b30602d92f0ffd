import { type TableSchema, tables } from '../../lambdas/storage/schema';
import type { Backend } from './backend';

/** Creates the tables of the schema that are not there yet. */
export async function createTables(backend: Backend, deployedName: (table: string) => string): Promise<void> {
  for (const [table, schema] of Object.entries(tables) as [string, TableSchema][]) {
    const name = deployedName(table);
    const { status, body } = await backend({
      target: 'DynamoDB_20120810.CreateTable',
      body: JSON.stringify(createTable(name, schema)),
      authorization: 'AWS4-HMAC-SHA256 Credential=local/a/b/dynamodb/c, SignedHeaders=host, Signature=local',
    });
    if (status !== 200 && !body.includes('ResourceInUseException')) {
      throw new Error(`DynamoDB does not create table ${name}: ${status} ${body}`);
    }
  }
}

function createTable(name: string, { partitionKey, sortKey }: TableSchema): unknown {
  const names = sortKey === undefined ? [partitionKey] : [partitionKey, sortKey];
  return {
    TableName: name,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: names.map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
    KeySchema: names.map((AttributeName, index) => ({ AttributeName, KeyType: index === 0 ? 'HASH' : 'RANGE' })),
  };
}
