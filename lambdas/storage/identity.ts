import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Identity } from '../access/identity';
import { text } from './attributes';

/** Whoever is not written down. */
export const anonymous: Identity = { kind: 'anonymous' };

/** An identity as one attribute; only ever read as a whole. */
export function identityAttribute(identity: Identity): AttributeValue {
  return text(JSON.stringify(identity));
}

export function readIdentity(value: AttributeValue | undefined): Identity {
  return value?.S === undefined ? anonymous : (JSON.parse(value.S) as Identity);
}
