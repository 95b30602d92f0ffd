import { RemovalPolicy, Validations } from 'aws-cdk-lib';
import { CfnAccount } from 'aws-cdk-lib/aws-apigateway';
import { ManagedPolicy, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { findInStack } from './find-in-stack';

/**
 * Sets the role with which API Gateway writes logs. The setting applies to the whole account and Region. API Gateway refuses a stage
 * with an access log without it. Role and setting are retained when the stack is deleted, because other APIs may use them by then.
 */
export class AccountLogRole extends Construct {
  /** Returns the role of the stack, created on the first call. Two resources for the same setting would overwrite each other. */
  static of(scope: Construct): AccountLogRole {
    return findInStack(scope, (each) => each instanceof AccountLogRole) ?? new AccountLogRole(scope, 'AccountLogRole');
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
      reason: 'API Gateway refuses an account log role without the permissions of this AWS policy',
    });
  }
}

const logPolicy = 'service-role/AmazonAPIGatewayPushToCloudWatchLogs';
