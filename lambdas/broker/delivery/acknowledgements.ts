import { together } from '../../shared/parallel';
import type { SessionId } from '../model/fence';
import { byPacketId, slotOf } from '../model/queue-slots';
import type { QueueItem } from '../model/queued-message';
import type { AckError, AckErrors, InflightStore } from '../ports/inflight-store';

/** Result of a PUBREC or PUBREL, set when its effect is durable. The response to the packet depends on it. */
export interface AckResult {
  error?: AckError;
}

/** An acknowledgement of a message that was sent to the client. `rejected` is a PUBREC with an error. */
export type Acknowledgement =
  | { readonly kind: 'PUBACK' | 'PUBCOMP' | 'rejected' }
  | { readonly kind: 'PUBREC'; readonly result: AckResult };

type Entry = readonly [packetId: number, acknowledgements: readonly Acknowledgement[]];

/** Packet ids in the first wave; each later wave has twice as many as the one before. */
const firstWave = 128;

/**
 * Acknowledgements of one turn, gathered by packet id. Their common effect on a message is computed in memory, and its row is written
 * once: a client may repeat acknowledgements as often as they fit into a frame.
 */
export class Acknowledgements {
  private readonly gathered = new Map<number, Acknowledgement[]>();

  get isEmpty(): boolean {
    return this.gathered.size === 0;
  }

  /** Number of packet ids. */
  get size(): number {
    return this.gathered.size;
  }

  add(packetId: number, acknowledgement: Acknowledgement): void {
    const known = this.gathered.get(packetId);
    if (known) known.push(acknowledgement);
    else this.gathered.set(packetId, [acknowledgement]);
  }

  /**
   * Makes all of them durable, in waves. A correct client acknowledges what it was sent; no further wave follows when more than
   * `tolerance` packet ids have no message.
   *
   * @returns the acknowledgements that fit no message.
   */
  async flush(inflight: InflightStore, session: SessionId, tolerance: number): Promise<AckErrors> {
    const inOrder = [...this.gathered].sort(([one], [other]) => one - other); // puts a bundle into one wave
    const { left, ...errors } = await inWaves(inOrder, tolerance, (wave) => flushWave(inflight, session, wave));
    for (const [, acknowledgements] of left) {
      for (const acknowledgement of acknowledgements) setError(acknowledgement, 'mismatched'); // no PUBREL without a look-up
    }
    return errors;
  }
}

/**
 * Works on ever larger parts of `items` until more than `tolerance` were unknown.
 *
 * @returns the errors of all parts, and in `left` the items that no part has reached.
 */
export async function inWaves<T>(
  items: readonly T[],
  tolerance: number,
  work: (wave: readonly T[]) => Promise<AckErrors>,
): Promise<AckErrors & { readonly left: readonly T[] }> {
  const mismatched: number[] = [];
  let unknown = 0;
  let start = 0;
  for (let size = firstWave; start < items.length && unknown <= tolerance; size *= 2) {
    const wave = items.slice(start, start + Math.min(size, tolerance - unknown + 1));
    const errors = await work(wave);
    mismatched.push(...errors.mismatched);
    unknown += errors.unknown;
    start += wave.length;
  }
  return { mismatched, unknown, left: items.slice(start) };
}

/** Writes packet ids with only PUBACK, or only PUBREC, without a read. Reads the messages of all others first. */
async function flushWave(inflight: InflightStore, session: SessionId, wave: readonly Entry[]): Promise<AckErrors> {
  const onlyOf = (kind: Acknowledgement['kind']) =>
    wave.filter(([, acknowledgements]) => acknowledgements.every((acknowledgement) => acknowledgement.kind === kind));
  const [acknowledged, received] = [onlyOf('PUBACK'), onlyOf('PUBREC')];
  const simple = new Set([...acknowledged, ...received]);
  const errors = await together([
    acknowledged.length > 0 ? inflight.acknowledge(session, packetIdsOf(acknowledged)) : undefined,
    received.length > 0 ? markReceived(inflight, session, received) : undefined,
    readAndApply(
      inflight,
      session,
      wave.filter((entry) => !simple.has(entry)),
    ),
  ]);
  return sum(errors.filter((part) => part !== undefined));
}

function packetIdsOf(entries: readonly Entry[]): number[] {
  return entries.map(([packetId]) => packetId);
}

function sum(parts: readonly AckErrors[]): AckErrors {
  return {
    mismatched: parts.flatMap(({ mismatched }) => mismatched),
    unknown: parts.reduce((total, { unknown }) => total + unknown, 0),
  };
}

async function markReceived(
  inflight: InflightStore,
  session: SessionId,
  entries: readonly Entry[],
): Promise<AckErrors> {
  const errors = await inflight.markReceived(session, packetIdsOf(entries));
  for (const [packetId, acknowledgements] of entries) {
    for (const acknowledgement of acknowledgements) setError(acknowledgement, errors.get(packetId));
  }
  const idsOf = (kind: AckError) => [...errors].filter(([, error]) => error === kind).map(([packetId]) => packetId);
  return { mismatched: idsOf('mismatched'), unknown: idsOf('unknown').length };
}

function setError(acknowledgement: Acknowledgement, error: AckError | undefined): void {
  if (acknowledgement.kind === 'PUBREC' && error) acknowledgement.result.error = error;
}

/** Reads messages, applies their acknowledgements in order and writes the final state. */
async function readAndApply(
  inflight: InflightStore,
  session: SessionId,
  entries: readonly Entry[],
): Promise<AckErrors> {
  if (entries.length === 0) return { mismatched: [], unknown: 0 };
  const items = byPacketId(await inflight.readMany(session, [...new Set(packetIdsOf(entries).map(slotOf))]));
  const applied = entries.map((entry) => apply(entry, items.get(entry[0])));
  const completed = applied.filter(({ finalState }) => finalState === 'completed');
  const received = applied.filter(({ finalState }) => finalState === 'received').map(({ packetId }) => packetId);
  await together([
    completed.length > 0 ? removeCompleted(inflight, session, completed) : undefined,
    received.length > 0 ? inflight.markReceived(session, received) : undefined,
  ]);
  return sum(applied.map(({ errors }) => errors));
}

/** The effect of acknowledgements on one message. */
interface Applied {
  readonly packetId: number;
  readonly item: QueueItem | undefined;
  readonly finalState: 'unchanged' | 'received' | 'completed';
  readonly errors: AckErrors;
}

function apply([packetId, acknowledgements]: Entry, item: QueueItem | undefined): Applied {
  let isReleased = item?.state === 'released';
  let finalState: Applied['finalState'] = 'unchanged';
  const mismatched: number[] = [];
  let unknown = 0;
  for (const acknowledgement of acknowledgements) {
    const { kind } = acknowledgement;
    if (!item || finalState === 'completed') {
      unknown += 1;
      setError(acknowledgement, 'unknown');
    } else if (!isExpected(kind, item.qos, { isReleased })) {
      mismatched.push(packetId);
      setError(acknowledgement, 'mismatched');
    } else if (kind === 'PUBREC') {
      isReleased = true;
      finalState = 'received';
    } else finalState = 'completed';
  }
  return { packetId, item, finalState, errors: { mismatched, unknown } };
}

/** PUBCOMP follows PUBREC; a PUBREC with an error may come at any time. */
function isExpected(
  kind: Acknowledgement['kind'],
  qos: QueueItem['qos'],
  { isReleased }: { readonly isReleased: boolean },
): boolean {
  if (kind === 'PUBACK') return qos === 1;
  return qos === 2 && (kind !== 'PUBCOMP' || isReleased);
}

/** Writes the records of completed QoS 2 messages before their slots are free, so that a retry never delivers them again. */
async function removeCompleted(
  inflight: InflightStore,
  session: SessionId,
  completed: readonly Applied[],
): Promise<void> {
  const records = completed.flatMap(({ item }) =>
    item?.id ? [{ session, id: item.id, number: item.number, done: true }] : [],
  );
  if (records.length > 0) await inflight.putQos2Records(records);
  await inflight.remove(
    session,
    completed.map(({ packetId }) => packetId),
  );
}
