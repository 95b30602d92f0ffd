import { Stack, Token } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

/**
 * Returns the Region that a stack is deployed to. A stack without an environment is deployed to the Region of the CDK command line,
 * which sets CDK_DEFAULT_REGION. Undefined if the app runs without the command line.
 */
export function deploymentRegion(scope: Construct): string | undefined {
  const { region } = Stack.of(scope);
  return Token.isUnresolved(region) ? process.env.CDK_DEFAULT_REGION : region;
}
