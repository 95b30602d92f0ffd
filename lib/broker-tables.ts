import { RemovalPolicy } from 'aws-cdk-lib';
import { type Attribute, AttributeType, BillingMode, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { type TableName, type TableSchema, tables } from '../lambdas/storage/schema';
import { byName, constructId } from './by-name';

export interface BrokerTablesProps {
  readonly removalPolicy: RemovalPolicy;
}

/** The tables of `lambdas/storage/schema.ts`: on-demand, encrypted, with point-in-time recovery for 35 days. */
export class BrokerTables extends Construct {
  readonly tables: { readonly [Name in TableName]: Table };

  constructor(scope: Construct, id: string, props: BrokerTablesProps) {
    super(scope, id);
    this.tables = byName(tables, (name) => this.createTable(name, props));
  }

  private createTable(name: TableName, props: BrokerTablesProps): Table {
    const schema: TableSchema = tables[name];
    return new Table(this, constructId(name), {
      partitionKey: stringKey(schema.partitionKey),
      sortKey: schema.sortKey === undefined ? undefined : stringKey(schema.sortKey),
      timeToLiveAttribute: schema.timeToLive,
      billingMode: BillingMode.PAY_PER_REQUEST,
      encryption: TableEncryption.AWS_MANAGED,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      removalPolicy: props.removalPolicy,
      deletionProtection: props.removalPolicy === RemovalPolicy.RETAIN,
    });
  }
}

function stringKey(name: string): Attribute {
  return { name, type: AttributeType.STRING };
}
