import { Stack } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** Returns the construct of this kind that another broker of the same stack has created, if any; for resources that exist once. */
export function findInStack<Kind extends IConstruct>(
  scope: IConstruct,
  isKind: (construct: IConstruct) => construct is Kind,
): Kind | undefined {
  const stack = Stack.of(scope);
  return stack.node
    .findAll()
    .find((construct): construct is Kind => isKind(construct) && Stack.of(construct) === stack);
}
