import { hasKnown } from './known-clients';
import type { FailureRule, Failures, KnownClient, PairRecord, SharedFailures, WindowFailures } from './logins';

/** Failures without a wait, for a known client, or for all other clients with one user name and one address: people mistype. */
const freePerPair = 5;

/**
 * Failures of one address in a window: the default maximum number of clients of an adapter. Each user name adds at most
 * `freePerPair` of them, so one device with a wrong password does not block its neighbours.
 */
const freePerAddress = 1000;

/** Failures of one user name in a window; each address adds at most `freePerPair` of them (NIST SP 800-63B section 5.2.2). */
const freePerName = 100;

/** A window is a quarter of an hour, which is also the maximum wait. */
export const failureRule: FailureRule = { windowMilliseconds: 15 * 60_000, maxSharedPerPair: freePerPair };

/** Checks whether a known client has to wait, which only its own failures cause. `now` in milliseconds since 1970. */
export function isKnownClientThrottled({ failures }: KnownClient, now: number): boolean {
  return mustWait(failures, now);
}

/**
 * Checks whether a client that is not known has to wait before its next login. After the free failures of its user name and address,
 * each further failure doubles the wait since the last one: 2 seconds after the sixth, 4 after the seventh, at most a quarter of an
 * hour. After the free failures of the name or of the address, it waits for the end of the window, unless other clients have recently
 * logged in with this name from this address. `now` in milliseconds since 1970.
 */
export function isThrottled({ failures, clients }: PairRecord, shared: SharedFailures, now: number): boolean {
  if (mustWait(failures, now)) return true;
  if (hasKnown(clients, now)) return false;
  return isExhausted(shared.ofName, now, freePerName) || isExhausted(shared.ofAddress, now, freePerAddress);
}

function isExhausted({ count, since }: WindowFailures, now: number, free: number): boolean {
  return count > free && now - since < failureRule.windowMilliseconds;
}

function mustWait({ count, lastAt }: Failures, now: number): boolean {
  if (count <= freePerPair) return false;
  return now - lastAt < Math.min(2 ** (count - freePerPair) * 1000, failureRule.windowMilliseconds);
}

/**
 * Returns the source by which failures are counted. An IPv4 address is its own source. The owner of an IPv6 address has all 2^64
 * addresses of its /64 (RFC 6177 section 2), so these are one source. Any other text, and the empty text of an unknown address, is
 * returned unchanged.
 */
export function failureSourceOf(address: string): string {
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

/** Parses the eight groups of an IPv6 address in any text form (RFC 4291 section 2.2), with or without a zone. */
function groupsOf(address: string): number[] | undefined {
  const [, bare] = /^([\da-f:.]+)(%.*)?$/i.exec(address) ?? [];
  const url = `http://[${bare}]`;
  if (bare === undefined || !URL.canParse(url)) return undefined;
  const [beginning = '', end] = new URL(url).hostname.slice(1, -1).split('::'); // URL turns a dotted end into two groups
  const [before, after] = [beginning, end ?? ''].map((part) =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)),
  );
  return [...before!, ...new Array<number>(8 - before!.length - after!.length).fill(0), ...after!];
}
