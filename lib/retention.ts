import { RemovalPolicy } from 'aws-cdk-lib';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { BrokerOptions } from './options';

/** How long what a broker leaves is kept: its logs while it runs, all of it when it is deleted. */
export interface Retention {
  readonly logRetention: RetentionDays;
  readonly removalPolicy: RemovalPolicy;
}

export function retentionOf({ logRetentionDays, removalPolicy }: BrokerOptions): Retention {
  return { logRetention: logRetentionDays, removalPolicy: removalPolicies[removalPolicy] };
}

const removalPolicies = { retain: RemovalPolicy.RETAIN, destroy: RemovalPolicy.DESTROY };
