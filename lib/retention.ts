import { RemovalPolicy } from 'aws-cdk-lib';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { BrokerOptions } from './options';

/** Retention of logs, and the fate of tables and logs when the stack is deleted. */
export interface Retention {
  readonly logRetention: RetentionDays;
  readonly removalPolicy: RemovalPolicy;
}

export function retentionOf({ logRetentionDays, removalPolicy }: BrokerOptions): Retention {
  return { logRetention: logRetentionDays, removalPolicy: removalPolicies[removalPolicy] };
}

const removalPolicies = { retain: RemovalPolicy.RETAIN, destroy: RemovalPolicy.DESTROY };
