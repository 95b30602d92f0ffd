import { CfnBudget } from 'aws-cdk-lib/aws-budgets';
import { Construct } from 'constructs';
import { deploymentRegion } from './deployment-region';

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
    demandBudgets(deploymentRegion(this), dollars);
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

/** Regions in which CloudFormation has `AWS::Budgets::Budget`, from its schemas in cfn-lint 1.58.0. New Regions have come without. */
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
 * Elsewhere CloudFormation refuses the whole template, a resource whose condition is false included, and says so only when it
 * deploys. A Region that is not known passes.
 */
function demandBudgets(region: string | undefined, dollars: number): void {
  if (region === undefined || regionsWithBudgets.includes(region)) return;
  throw new Error(
    `monthlyBudgetUsd is ${dollars}, but must be 0 in ${region}, where CloudFormation has no budgets. One serves the whole account: deploy it in another Region, such as us-east-1, or create it by hand (docs/operations.md)`,
  );
}
