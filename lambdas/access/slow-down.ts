import type { Failures, LoginFailures } from './accounts';

/** Milliseconds after which a failed login counts nothing any more, and the longest that a source has to wait. */
export const failureMemory = 15 * 60_000;

/** Failures that cost nothing: people mistype, and a device that is badly set up must not keep out the others of its house. */
const free = { ofUser: 5, ofAddress: 100 };

/**
 * Whether somebody has to wait before the next login is looked at. Beyond the free ones, each failure doubles the wait since the
 * last one: 2 seconds after the sixth of a user name, 4 after the seventh, at last a quarter of an hour.
 */
export function isSlowedDown({ ofUser, ofAddress }: LoginFailures, now: number): boolean {
  return mustWait(ofUser, free.ofUser, now) || mustWait(ofAddress, free.ofAddress, now);
}

function mustWait({ count, lastAt }: Failures, freeFailures: number, now: number): boolean {
  if (count <= freeFailures) return false;
  return now - lastAt < Math.min(2 ** (count - freeFailures) * 1000, failureMemory);
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
