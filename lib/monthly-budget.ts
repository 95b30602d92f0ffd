import { Stack } from 'aws-cdk-lib';
import { CfnBudget } from 'aws-cdk-lib/aws-budgets';
import { Construct } from 'constructs';

export interface MonthlyBudgetProps {
  readonly brokerName: string;
  readonly dollars: number;
  readonly email: string;
}

/** Percent of the budget at which its owner is written to. `FORECASTED`: AWS thinks that the month will end there. */
const thresholds = [
  { kind: 'ACTUAL', percent: 80 },
  { kind: 'ACTUAL', percent: 100 },
  { kind: 'FORECASTED', percent: 100 },
] as const;

/**
 * Writes to somebody when the account spends more than planned. It looks at the whole account: filters by tag see nothing
 * until somebody activates the tag for billing, and an alarm that is silent because nobody did is worse than none.
 */
export class MonthlyBudget extends Construct {
  constructor(scope: Construct, id: string, { brokerName, dollars, email }: MonthlyBudgetProps) {
    super(scope, id);
    refuseGovCloud(Stack.of(this).region, dollars);
    new CfnBudget(this, 'Budget', {
      budget: {
        budgetName: `${brokerName}-monthly`,
        budgetType: 'COST',
        timeUnit: 'MONTHLY',
        budgetLimit: { amount: dollars, unit: 'USD' },
      },
      notificationsWithSubscribers: thresholds.map(({ kind, percent }) => ({
        notification: {
          notificationType: kind,
          comparisonOperator: 'GREATER_THAN',
          threshold: percent,
          thresholdType: 'PERCENTAGE',
        },
        subscribers: [{ subscriptionType: 'EMAIL', address: email }],
      })),
    });
  }
}

/** CloudFormation has no `AWS::Budgets::Budget` there, and says so only when it deploys. A Region that is not known yet passes. */
function refuseGovCloud(region: string, dollars: number): void {
  if (!region.startsWith('us-gov-')) return;
  throw new Error(`monthlyBudgetUsd is ${dollars}, but must be 0 in ${region}, where AWS has no budgets`);
}
