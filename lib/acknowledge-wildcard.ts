import { Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** Acknowledges the cdk-nag finding for a grant with a wildcard in its resource, with the reason for the wildcard. */
export function acknowledgeWildcard(construct: IConstruct, resource: string, reason: string): void {
  const id = `AwsSolutions-IAM5[Resource::${flatten(Stack.of(construct).resolve(resource))}]`;
  Validations.of(construct).acknowledge({ id, reason });
}

interface Reference {
  readonly Ref?: string;
  readonly 'Fn::GetAtt'?: readonly string[];
}

/** Formats a resolved ARN as cdk-nag spells it in a finding. */
function flatten(arn: string | { 'Fn::Join': [string, (string | Reference)[]] }): string {
  if (typeof arn === 'string') return arn;
  return arn['Fn::Join'][1].map((part) => (typeof part === 'string' ? part : `<${nameOf(part)}>`)).join('');
}

function nameOf({ Ref, 'Fn::GetAtt': attribute = [] }: Reference): string {
  return Ref ?? attribute.join('.');
}
