import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Fence } from '../broker/model/fence';
import type { Congestion, SessionItem, Successor } from '../broker/model/session';
import {
  flag,
  number,
  readCapabilities,
  readFlag,
  readIdentity,
  readNumber,
  readSubscriptionCounts,
  readText,
  readVersion,
  text,
} from './attributes';
import type { Item } from './dynamo';
import { keyOf, maxPartitionKeyBytes } from './shortened-keys';

/** Sort key of the session item. */
export const sessionItemPart = 'head';

export function sessionKey(clientId: string): Item {
  return { id: text(keyOf(clientId, maxPartitionKeyBytes)), part: text(sessionItemPart) };
}

export function toSessionItem(item: Item): SessionItem {
  const owner = readText(item.owner);
  const wiping = readText(item.wiping);
  const successor = readText(item.successor);
  const congestion = readCongestion(item);
  const former = readText(item.former);
  return {
    clientId: readText(item.clientId),
    session: readText(item.session),
    persistent: readFlag(item.persistent),
    ...(owner ? { owner } : {}),
    fence: readText(item.fence),
    outSeq: readNumber(item.outSeq),
    wakeRequests: readNumber(item.asked),
    wakeHandled: readNumber(item.answered),
    offlineFrom: readNumber(item.offlineFrom),
    connackSentOn: readText(item.greeted),
    version: readVersion(item.version),
    capabilities: readCapabilities(item),
    acknowledgedUpTo: readNumber(item.settled),
    ...(item.expiry ? { sessionExpiry: readNumber(item.expiry) } : {}),
    identity: readIdentity(item.identity),
    ...(owner || !item.expiresAt ? {} : { expiresAt: readNumber(item.expiresAt) }),
    ...(owner || !item.leftAt ? {} : { leftAt: readNumber(item.leftAt) }),
    ...(owner || !item.willAt ? {} : { willAt: readNumber(item.willAt) }),
    ...(wiping ? { deleting: wiping } : {}),
    ...(congestion ? { congestion } : {}),
    ...readSubscriptionCounts(item),
    ...(item.quota ? { quota: readText(item.quota) } : {}),
    ...(former ? { former } : {}),
    ...(successor ? { successor: readSuccessor(item) } : {}),
  };
}

function readSuccessor({ successor, successorClean, successorPrecedence }: Item): Successor {
  return {
    fence: readText(successor),
    cleanStart: readFlag(successorClean),
    ...(successorPrecedence ? { precedence: readNumber(successorPrecedence) } : {}),
  };
}

/** Includes the fence, because an earlier release that takes over the session keeps the attribute. */
export function congestionAttribute(fence: Fence, { since, at, isDrainScheduled }: Congestion): AttributeValue {
  return { M: { fence: text(fence), since: number(since), at: number(at), pump: flag(isDrainScheduled) } };
}

function readCongestion({ congestion, fence, owner }: Item): Congestion | undefined {
  const { M } = congestion ?? {};
  if (!M || !owner || readText(M.fence) !== readText(fence)) return undefined;
  return { since: readNumber(M.since), at: readNumber(M.at), isDrainScheduled: readFlag(M.pump) };
}
