/**
 * Flags and lengths of the packets that a client sends, tables 2-1 and 2-2. `most` is the longest body of MQTT 3.1 and 3.1.1; in 5.0
 * only PINGREQ has a limit.
 */
const kinds = new Map<number, { readonly flags: number; readonly least: number; readonly most?: number }>([
  [4, { flags: 0, least: 2, most: 2 }],
  [5, { flags: 0, least: 2, most: 2 }],
  [6, { flags: 2, least: 2, most: 2 }],
  [7, { flags: 0, least: 2, most: 2 }],
  [8, { flags: 2, least: 2 }],
  [10, { flags: 2, least: 2 }],
  [12, { flags: 0, least: 0, most: 0 }],
  [14, { flags: 0, least: 0, most: 0 }],
]);

const pingreq = 12;

/**
 * What is wrong with a packet whose rest is still to come, if no rest can make it right; the broker, which gets only whole packets,
 * would never see it. Undefined before CONNECT has been read: only it knows the version.
 */
export function headerProblem(beginning: Uint8Array, version: 3 | 4 | 5 | undefined): string | undefined {
  const [header] = beginning;
  const kind = header === undefined ? undefined : kinds.get(header >> 4);
  if (header === undefined || kind === undefined || version === undefined) return undefined;
  const type = header >> 4;
  const flags = header & 0x0f;
  const isRepeated = version === 3 && kind.flags !== 0 && flags === (kind.flags | 0x08); // DUP, v3.1 section 2.1
  if (flags !== kind.flags && !isRepeated) return `malformed flags: ${flags} in a packet of type ${type}`;
  const { remaining, isComplete } = remainingLength(beginning);
  const most = version < 5 || type === pingreq ? (kind.most ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
  if (remaining <= most && (remaining >= kind.least || !isComplete)) return undefined;
  return `malformed remaining length: ${remaining} in a packet of type ${type}`;
}

function remainingLength(beginning: Uint8Array): { readonly remaining: number; readonly isComplete: boolean } {
  let remaining = 0;
  for (const [index, byte] of beginning.subarray(1, 5).entries()) {
    remaining += (byte & 0x7f) * 128 ** index;
    if (byte < 0x80) return { remaining, isComplete: true };
  }
  return { remaining, isComplete: false };
}
