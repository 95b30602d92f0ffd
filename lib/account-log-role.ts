import { RemovalPolicy, Validations } from 'aws-cdk-lib';
import { CfnAccount } from 'aws-cdk-lib/aws-apigateway';
import { ManagedPolicy, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { oneInStack } from './find-in-stack';

/**
 * The role with which API Gateway writes logs, one setting for the whole account and Region. Without it a stage with
 * an access log cannot be created. It outlives the stack, because by then other APIs may log with it.
 */
export class AccountLogRole extends Construct {
  /** The one of the stack: two that set the same thing would undo each other. */
  static of(scope: Construct): AccountLogRole {
    return oneInStack(scope, (each) => each instanceof AccountLogRole) ?? new AccountLogRole(scope, 'AccountLogRole');
  }

  private constructor(scope: Construct, id: string) {
    super(scope, id);
    const role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('apigateway.amazonaws.com'),
      managedPolicies: [ManagedPolicy.fromAwsManagedPolicyName(logPolicy)],
    });
    role.applyRemovalPolicy(RemovalPolicy.RETAIN);
    const account = new CfnAccount(this, 'Account', { cloudWatchRoleArn: role.roleArn });
    account.applyRemovalPolicy(RemovalPolicy.RETAIN);
    Validations.of(role).acknowledge({
      id: `AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/${logPolicy}]`,
      reason: 'API Gateway refuses an account log role without the permissions of this policy, which AWS wrote for it',
    });
  }
}

const logPolicy = 'service-role/AmazonAPIGatewayPushToCloudWatchLogs';
