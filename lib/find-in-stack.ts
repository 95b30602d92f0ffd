import { Stack } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** What another broker of the stack has already made of something that a stack, or its account, has once. */
export function oneInStack<Kind extends IConstruct>(
  scope: IConstruct,
  isKind: (construct: IConstruct) => construct is Kind,
): Kind | undefined {
  const stack = Stack.of(scope);
  return stack.node
    .findAll()
    .find((construct): construct is Kind => isKind(construct) && Stack.of(construct) === stack);
}
