import { together } from '../../shared/parallel';
import type { SessionId } from '../model/fence';
import { byPacketId, slotOf } from '../model/queue-slots';
import type { QueueItem } from '../model/queued-message';
import type { AckError, AckErrors, InflightStore } from '../ports/inflight-store';

/** Result of a PUBREC or PUBREL, set when the work is durable: what answers it depends on it. */
export interface AckResult {
  error?: AckError;
}

/** What a client says of a message that was sent to it; `refusal` is a PUBREC with an error. */
export type Acknowledgement =
  | { readonly kind: 'PUBACK' | 'PUBCOMP' | 'refusal' }
  | { readonly kind: 'PUBREC'; readonly result: AckResult };

type Entry = readonly [packetId: number, acknowledgements: readonly Acknowledgement[]];

/** Packet ids in the first wave; each later one has twice as many as the one before. */
const firstWave = 128;

/**
 * Acknowledgements of one turn, gathered by packet id. What several of them say of one message is worked out in memory, and its
 * row is written once: a client may repeat them as often as they fit into a frame.
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
   * Makes all of them durable, in waves: an honest client acknowledges what it was sent, and one that names more than `tolerance`
   * packet ids without a message gets no further wave.
   */
  async settle(inflight: InflightStore, session: SessionId, tolerance: number): Promise<AckErrors> {
    const inOrder = [...this.gathered].sort(([one], [other]) => one - other); // a bundle in one wave
    const { left, ...misfits } = await inWaves(inOrder, tolerance, (wave) => settleWave(inflight, session, wave));
    for (const [, said] of left) for (const one of said) note(one, 'mismatched'); // no PUBREL for what was not looked up
    return misfits;
  }
}

/** Works on ever larger parts of `items` until more than `tolerance` were unknown; `left` are those it has not come to. */
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
    const found = await work(wave);
    mismatched.push(...found.mismatched);
    unknown += found.unknown;
    start += wave.length;
  }
  return { mismatched, unknown, left: items.slice(start) };
}

async function settleWave(inflight: InflightStore, session: SessionId, wave: readonly Entry[]): Promise<AckErrors> {
  const of = (kind: Acknowledgement['kind']) =>
    wave.filter(([, said]) => said.every((acknowledgement) => acknowledgement.kind === kind));
  const [settled, received] = [of('PUBACK'), of('PUBREC')];
  const simple = new Set([...settled, ...received]);
  const found = await together([
    settled.length > 0 ? inflight.acknowledge(session, packetIdsOf(settled)) : undefined,
    received.length > 0 ? markReceived(inflight, session, received) : undefined,
    conclude(
      inflight,
      session,
      wave.filter((entry) => !simple.has(entry)),
    ),
  ]);
  return sum(found.filter((misfits) => misfits !== undefined));
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
  const misfits = await inflight.markReceived(session, packetIdsOf(entries));
  for (const [packetId, said] of entries) for (const one of said) note(one, misfits.get(packetId));
  const idsOf = (kind: AckError) => [...misfits].filter(([, misfit]) => misfit === kind).map(([packetId]) => packetId);
  return { mismatched: idsOf('mismatched'), unknown: idsOf('unknown').length };
}

function note(acknowledgement: Acknowledgement, misfit: AckError | undefined): void {
  if (acknowledgement.kind === 'PUBREC' && misfit) acknowledgement.result.error = misfit;
}

/** Messages that several acknowledgements name, or that one of them ends: they are read, then written as the last one leaves them. */
async function conclude(inflight: InflightStore, session: SessionId, entries: readonly Entry[]): Promise<AckErrors> {
  if (entries.length === 0) return { mismatched: [], unknown: 0 };
  const found = byPacketId(await inflight.readMany(session, [...new Set(packetIdsOf(entries).map(slotOf))]));
  const results = entries.map(([packetId, said]) => replay(packetId, said, found.get(packetId)));
  const ended = results.filter(({ end }) => end === 'over');
  const received = results.filter(({ end }) => end === 'received').map(({ packetId }) => packetId);
  await together([
    ended.length > 0 ? endAll(inflight, session, ended) : undefined,
    received.length > 0 ? inflight.markReceived(session, received) : undefined,
  ]);
  return sum(results.map(({ misfits }) => misfits));
}

/** What acknowledgements do to one message. */
interface Result {
  readonly packetId: number;
  readonly item: QueueItem | undefined;
  readonly end: 'unchanged' | 'received' | 'over';
  readonly misfits: AckErrors;
}

function replay(packetId: number, said: readonly Acknowledgement[], item: QueueItem | undefined): Result {
  let isReleased = item?.state === 'released';
  let end: Result['end'] = 'unchanged';
  const mismatched: number[] = [];
  let unknown = 0;
  for (const acknowledgement of said) {
    const { kind } = acknowledgement;
    if (!item || end === 'over') {
      unknown += 1;
      note(acknowledgement, 'unknown');
    } else if (!isExpected(kind, item.qos, { isReleased })) {
      mismatched.push(packetId);
      note(acknowledgement, 'mismatched');
    } else if (kind === 'PUBREC') {
      isReleased = true;
      end = 'received';
    } else end = 'over';
  }
  return { packetId, item, end, misfits: { mismatched, unknown } };
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

/** The record of a QoS 2 message says that it is done before its slot is free. */
async function endAll(inflight: InflightStore, session: SessionId, ended: readonly Result[]): Promise<void> {
  const records = ended.flatMap(({ item }) =>
    item?.id ? [{ session, id: item.id, number: item.number, done: true }] : [],
  );
  if (records.length > 0) await inflight.putQos2Records(records);
  await inflight.remove(
    session,
    ended.map(({ packetId }) => packetId),
  );
}
