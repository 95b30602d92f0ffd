import { describe, expect, it } from '@jest/globals';
import { type TableSchema, tables } from '../../lambdas/storage/schema';
import { constructId } from '../../lib/by-name';
import { resourcesOf, synthesize } from './synthesize';

const retained = resourcesOf(synthesize(), 'AWS::DynamoDB::Table');
const destroyed = resourcesOf(synthesize({ removalPolicy: 'destroy' }), 'AWS::DynamoDB::Table');

describe('the tables', () => {
  it('are exactly those of the schema', () => {
    const names = Object.keys(tables).map((name) => `Tables${constructId(name)}`);

    expect(Object.keys(retained).sort()).toEqual(names.sort());
  });

  it.each(Object.entries<TableSchema>(tables))('%s has the keys and the time to live of the schema', (name, schema) => {
    const { Properties } = retained[`Tables${constructId(name)}`]!;
    const sortKey = schema.sortKey === undefined ? [] : [{ AttributeName: schema.sortKey, KeyType: 'RANGE' }];
    const keys = [{ AttributeName: schema.partitionKey, KeyType: 'HASH' }, ...sortKey];
    const types = keys.map(({ AttributeName }) => ({ AttributeName, AttributeType: 'S' }));

    expect(Properties.KeySchema).toEqual(keys);
    expect(Properties.AttributeDefinitions).toEqual(types);
    expect(Properties.TimeToLiveSpecification?.AttributeName).toBe(schema.timeToLive);
  });

  it.each(Object.keys(retained))('%s is on-demand, encrypted and has point-in-time recovery', (id) => {
    expect(retained[id]!.Properties).toMatchObject({
      BillingMode: 'PAY_PER_REQUEST',
      SSESpecification: { SSEEnabled: true },
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    });
  });

  it('are retained and protected from deletion', () => {
    for (const table of Object.values(retained)) {
      expect(table.DeletionPolicy).toBe('Retain');
      expect(table.Properties.DeletionProtectionEnabled).toBe(true);
    }
  });

  it('are deleted with the stack if the option says so', () => {
    for (const table of Object.values(destroyed)) {
      expect(table.DeletionPolicy).toBe('Delete');
      expect(table.Properties.DeletionProtectionEnabled).toBe(false);
    }
  });
});
