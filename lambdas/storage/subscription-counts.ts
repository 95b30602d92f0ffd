import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { SubscriptionCounts } from '../broker/model/subscription';
import { number, readNumber } from './attributes';
import type { Item } from './dynamo';

export function subscribedAttribute({ all, shared }: SubscriptionCounts): AttributeValue {
  return { L: [number(all), number(shared)] };
}

export function readSubscriptionCounts({ subscribed }: Item): { readonly subscribed?: SubscriptionCounts } {
  if (!subscribed?.L) return {};
  const [all, shared] = subscribed.L;
  return { subscribed: { all: readNumber(all), shared: readNumber(shared) } };
}
