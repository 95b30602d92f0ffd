import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { PublishAllowance } from '../broker/model/publish-allowance';
import { number, readNumber } from './attributes';
import type { Item } from './dynamo';

/** A list instead of a map keeps it short: every turn that publishes writes it. */
export function allowanceAttribute({ messages, bytes: size, at }: PublishAllowance): AttributeValue {
  return { L: [number(Math.floor(messages)), number(Math.floor(size)), number(at)] };
}

export function readAllowance({ allowance }: Item): { readonly allowance?: PublishAllowance } {
  if (!allowance?.L) return {};
  const [messages, size, at] = allowance.L;
  return { allowance: { messages: readNumber(messages), bytes: readNumber(size), at: readNumber(at) } };
}
