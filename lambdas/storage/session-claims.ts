import { accountOf, type Identity } from '../access/identity';
import type { SessionClaim, SessionItem } from '../broker/model/session';
import { capabilityAttributes, flag, identityAttribute, number, text } from './attributes';
import type { Item } from './dynamo';

/** Holds when no newer connection of the client id than the claiming one waits to take over the session. */
export const noNewerSuccessor = '(attribute_not_exists(successor) OR successor <= :fence)';

/** Holds when no rows of an older session are left to delete. Only the session item names that session. */
export const isDeletionComplete = '(attribute_not_exists(wiping) OR wiping = :none)';

/**
 * Condition for a new session. Without `over` it may replace any older session of the same account that has no owner
 * and no pending will; with `over` only the one that was read.
 */
export function freshCondition(
  { identity }: SessionClaim,
  over?: SessionItem | 'none',
): { condition: string; values: Item } {
  if (over === 'none') return { condition: 'attribute_not_exists(id)', values: {} };
  if (over)
    return {
      condition: `fence = :seen AND ${noNewerSuccessor} AND ${isDeletionComplete}`,
      values: { ':seen': text(over.fence) },
    };
  const isSameAccount = isAnonymous(identity) ? 'attribute_not_exists(account)' : 'account = :account';
  const hasEnded = 'attribute_not_exists(#owner) AND attribute_not_exists(willAt)';
  return {
    condition: `attribute_not_exists(id) OR (fence < :fence AND ${isSameAccount} AND ${hasEnded} AND ${noNewerSuccessor} AND ${isDeletionComplete})`,
    values: {},
  };
}

/** Values for `ownerUpdate`: the new owner of the session, and what senders need to know about it. */
export function ownerValues(claim: SessionClaim): Item {
  const { connectionId, fence, persistent, sessionExpiry, version, capabilities, identity } = claim;
  const { can } = capabilityAttributes(capabilities);
  return {
    ':owner': text(connectionId),
    ':fence': text(fence),
    ':persistent': flag(persistent),
    ...(sessionExpiry === undefined ? {} : { ':expiry': number(sessionExpiry) }),
    ':version': number(version),
    ...(can ? { ':can': can } : {}),
    ...(isAnonymous(identity)
      ? {}
      : { ':identity': identityAttribute(identity), ':account': text(accountOf(identity)) }),
  };
}

/**
 * Sets the new owner and removes what the former owner left. Every update that claims a session ends its SET clause
 * with this.
 */
export function ownerUpdate({ sessionExpiry, capabilities, identity }: SessionClaim): string {
  const can = capabilityAttributes(capabilities).can !== undefined;
  const named = !isAnonymous(identity);
  const set = [
    '#owner = :owner',
    'fence = :fence, persistent = :persistent, version = :version',
    ...(sessionExpiry === undefined ? [] : ['expiry = :expiry']),
    ...(can ? ['can = :can'] : []),
    ...(named ? ['#identity = :identity, account = :account'] : []),
  ].join(', ');
  const remove = [
    ...(sessionExpiry === undefined ? ['expiry'] : []),
    ...(can ? [] : ['can']),
    ...(named ? [] : ['#identity', 'account']),
    'expiresAt',
    'willAt',
    'leftAt',
    'settled',
    'successor',
    'successorClean',
    'congestion',
    'successorPrecedence',
    'displaced', // written by earlier releases
  ];
  return `${set} REMOVE ${remove.join(', ')}`;
}

function isAnonymous({ kind }: Identity): boolean {
  return kind === 'anonymous';
}
