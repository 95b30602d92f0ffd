import type { FailureRule, LoginFailures, UserFailures } from './logins';

/** Failures with one user name that cost nothing: people mistype. */
const freeOfUser = 5;

/**
 * Failures from one address within a quarter of an hour: as many as the clients that an adapter takes unless told otherwise. Each
 * user name counts at most `freeOfUser` of them, so a device with a wrong password keeps out none of its neighbours.
 */
const freeOfAddress = 1000;

/** Counts last a quarter of an hour, which is also the longest that anybody has to wait. */
export const failureRule: FailureRule = { memory: 15 * 60_000, countedForAddress: freeOfUser };

/**
 * Whether somebody has to wait before the next login is checked. After the free failures of a user name, each further one doubles the
 * wait since the last one: 2 seconds after the sixth, 4 after the seventh, at last a quarter of an hour. After those of an address
 * everybody there waits until its count begins anew.
 */
export function isSlowedDown({ ofUser, ofAddress }: LoginFailures, now: number): boolean {
  if (ofAddress.count > freeOfAddress && now - ofAddress.since < failureRule.memory) return true;
  return mustWait(ofUser, now);
}

function mustWait({ count, lastAt }: UserFailures, now: number): boolean {
  if (count <= freeOfUser) return false;
  return now - lastAt < Math.min(2 ** (count - freeOfUser) * 1000, failureRule.memory);
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
