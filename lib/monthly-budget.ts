import { CfnBudget } from 'aws-cdk-lib/aws-budgets';
import { Construct } from 'constructs';
import { deploymentRegion } from './deployment-region';

export interface MonthlyBudgetProps {
  readonly brokerName: string;
  readonly dollars: number;
  readonly email: string;
}

/** Percent of the budget at which an email is sent. `FORECASTED`: AWS expects the month to end there. */
const thresholds = [
  { kind: 'ACTUAL', percent: 80 },
  { kind: 'ACTUAL', percent: 100 },
  { kind: 'FORECASTED', percent: 100 },
] as const;

/**
 * Sends an email when the account spends more than planned. The budget covers the whole account: a filter by tag matches nothing until
 * somebody activates the tag for billing, and a budget that silently matches nothing is worse than none.
 */
export class MonthlyBudget extends Construct {
  constructor(scope: Construct, id: string, { brokerName, dollars, email }: MonthlyBudgetProps) {
    super(scope, id);
    assertBudgetRegion(deploymentRegion(this), dollars);
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

/** Regions in which CloudFormation has `AWS::Budgets::Budget`. Source: schemas in cfn-lint 1.58.0. New Regions start without it. */
const regionsWithBudgets = [
  ...['us-east-1', 'us-east-2', 'us-west-1', 'us-west-2', 'ca-central-1', 'sa-east-1'],
  ...['eu-central-1', 'eu-west-1', 'eu-west-2', 'eu-west-3', 'me-south-1', 'eusc-de-east-1', 'eu-isoe-west-1'],
  ...[
    'ap-northeast-1',
    'ap-northeast-2',
    'ap-south-1',
    'ap-southeast-1',
    'ap-southeast-2',
    'cn-north-1',
    'cn-northwest-1',
  ],
  ...['us-iso-east-1', 'us-iso-west-1', 'us-isob-east-1', 'us-isob-west-1', 'us-isof-east-1', 'us-isof-south-1'],
];

/**
 * Checks that the Region supports budgets. Elsewhere CloudFormation refuses the whole template, and only at deployment, even if the
 * condition of the resource is false. An undefined Region passes.
 *
 * @throws Error in a Region without budgets
 */
function assertBudgetRegion(region: string | undefined, dollars: number): void {
  if (region === undefined || regionsWithBudgets.includes(region)) return;
  throw new Error(
    `monthlyBudgetUsd is ${dollars}, but must be 0 in ${region}, where CloudFormation does not support budgets. One budget covers the whole account: deploy it in another Region, such as us-east-1, or create it by hand (docs/operations.md)`,
  );
}
