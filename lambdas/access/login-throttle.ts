import { hasKnown } from './known-clients';
import type { FailureRule, Failures, KnownClient, PairRecord, SharedFailures, WindowFailures } from './logins';

/** Failures that cost nothing, of a known client or of all others with one user name from one address: people mistype. */
const freeOfPair = 5;

/**
 * Failures from one address within a quarter of an hour: as many as the clients that an adapter takes unless told otherwise. Each
 * user name counts at most `freeOfPair` of them, so a device with a wrong password keeps out none of its neighbours.
 */
const freeOfAddress = 1000;

/** Failures with one user name within a quarter of an hour, of which each address counts `freeOfPair` (NIST SP 800-63B 5.2.2). */
const freeOfName = 100;

/** Counts last a quarter of an hour, which is also the longest that anybody has to wait. */
export const failureRule: FailureRule = { memory: 15 * 60_000, shared: freeOfPair };

/** Whether a known client has to wait: only for its own failures. */
export function isKnownSlowedDown({ failures }: KnownClient, now: number): boolean {
  return mustWait(failures, now);
}

/**
 * Whether a client that is not known has to wait before its next login is checked. After the free failures of its user name from its
 * address, each further one doubles the wait since the last one: 2 seconds after the sixth, 4 after the seventh, at last a quarter of
 * an hour. After those of the name or of the address it waits until that count begins anew, unless others have lately logged in
 * with this name from there.
 */
export function isSlowedDown({ failures, clients }: PairRecord, shared: SharedFailures, now: number): boolean {
  if (mustWait(failures, now)) return true;
  if (hasKnown(clients, now)) return false;
  return isUsedUp(shared.ofName, freeOfName, now) || isUsedUp(shared.ofAddress, freeOfAddress, now);
}

function isUsedUp({ count, since }: WindowFailures, free: number, now: number): boolean {
  return count > free && now - since < failureRule.memory;
}

function mustWait({ count, lastAt }: Failures, now: number): boolean {
  if (count <= freeOfPair) return false;
  return now - lastAt < Math.min(2 ** (count - freeOfPair) * 1000, failureRule.memory);
}

/**
 * What failures are counted by. An IPv4 address stands for itself. Of IPv6 whoever has one address has all 2^64 of its /64
 * (RFC 6177 section 2), so they count as one. Anything else, and the empty text of an unknown address, is left as it is.
 */
export function sourceOf(address: string): string {
  const groups = groupsOf(address);
  if (groups === undefined) return address;
  const [, , , , , mapped, high, low] = groups;
  const isIpv4 = mapped === 0xffff && groups.slice(0, 5).every((group) => group === 0); // RFC 4291 section 2.5.5.2
  if (isIpv4) return [high! >> 8, high! & 0xff, low! >> 8, low! & 0xff].join('.');
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
}

/** The eight numbers of an IPv6 address in any of its text forms (RFC 4291 section 2.2), with or without a zone. */
function groupsOf(address: string): number[] | undefined {
  const [, bare] = /^([\da-f:.]+)(%.*)?$/i.exec(address) ?? [];
  const url = `http://[${bare}]`;
  if (bare === undefined || !URL.canParse(url)) return undefined;
  const [head = '', tail] = new URL(url).hostname.slice(1, -1).split('::'); // URL has turned a dotted end into two groups
  const [before, after] = [head, tail ?? ''].map((part) =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)),
  );
  return [...before!, ...new Array<number>(8 - before!.length - after!.length).fill(0), ...after!];
}
