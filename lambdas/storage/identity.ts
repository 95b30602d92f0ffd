import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Identity } from '../access/identity';
import { text } from './attributes';

/** Identity of a client without a stored identity. */
export const anonymous: Identity = { kind: 'anonymous' };

/** Returns an identity as one attribute. No expression reads a part of it. */
export function identityAttribute(identity: Identity): AttributeValue {
  return text(JSON.stringify(identity));
}

export function readIdentity(value: AttributeValue | undefined): Identity {
  return value?.S === undefined ? anonymous : (JSON.parse(value.S) as Identity);
}
