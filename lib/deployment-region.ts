import { Stack, Token } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

/**
 * The Region that a stack will be deployed to. One without an environment goes to that of the CDK's command line, which is in
 * this variable; undefined when the app runs without it.
 */
export function deploymentRegion(scope: Construct): string | undefined {
  const { region } = Stack.of(scope);
  return Token.isUnresolved(region) ? process.env.CDK_DEFAULT_REGION : region;
}
