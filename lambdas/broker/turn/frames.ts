import { decode } from '../../protocol/codec/decode';
import { parseFrame } from '../../protocol/frames';
import { type SplitResult, splitPackets } from '../../protocol/packet-splitter';
import type { ClientPacket, ProtocolVersion } from '../../protocol/packets';
import { ProtocolError, Reason } from '../../protocol/reason-codes';
import type { ConnectionRecord, EarlyFrame } from '../model/connection';
import {
  type ConnectionEvent,
  type FrameEvent,
  isFrame,
  maxEarlyBytes,
  maxEarlyFrames,
  type ReadyFrame,
} from '../model/connection-event';

/**
 * Parses the frames of a turn, each once: a turn that begins on the fast path and ends as a full turn finds frames and packets
 * parsed.
 */
export class FrameReader {
  private readonly frames = new Map<FrameEvent, ReadyFrame | ProtocolError>();
  private readonly packets = new Map<Buffer, SplitResult>();
  private readonly decoded = new Map<Buffer, { readonly version: ProtocolVersion | undefined; packet: ClientPacket }>();

  constructor(private readonly maxPacketSize: number) {}

  /** Returns number and bytes of a frame, or the error of one that is not in the wire format. */
  readonly frame = (event: FrameEvent): ReadyFrame | ProtocolError => {
    const known = this.frames.get(event);
    if (known) return known;
    const frame = parse(event);
    this.frames.set(event, frame);
    return frame;
  };

  /**
   * Splits a frame into packets.
   *
   * @param tail First bytes of a packet that an earlier frame has begun.
   */
  split(tail: Buffer, bytes: Buffer): SplitResult {
    if (tail.length > 0) return splitPackets(tail, bytes, this.maxPacketSize);
    const known = this.packets.get(bytes);
    if (known) return known;
    const split = splitPackets(tail, bytes, this.maxPacketSize);
    this.packets.set(bytes, split);
    return split;
  }

  /** @throws ProtocolError for a malformed packet. */
  decode(bytes: Buffer, version: ProtocolVersion | undefined): ClientPacket {
    const known = this.decoded.get(bytes);
    if (known && known.version === version) return known.packet;
    const packet = decode(bytes, version);
    this.decoded.set(bytes, { version, packet });
    return packet;
  }
}

function parse({ text, id: eventId, receivedAt, connectedAt, redelivered }: FrameEvent): ReadyFrame | ProtocolError {
  try {
    return { ...parseFrame(text), eventId, receivedAt, connectedAt, redelivered };
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
}

/** Frames of a connection in order, and those that have to wait. */
export interface OrderedFrames {
  readonly ready: readonly ReadyFrame[];
  readonly lastNumber: number;
  readonly early: readonly EarlyFrame[];
  /** Error behind the ready frames, which ends the stream. */
  readonly broken?: ProtocolError;
}

/** Milliseconds that an overtaken frame waits at most before its connection is closed. */
const earlyMilliseconds = 10_000;

/** Frames of a connection that were handled or kept before. */
export interface Received {
  readonly lastNumber: number;
  readonly early: readonly EarlyFrame[];
}

/**
 * Puts frames into the order in which their client numbered them. A repeated frame is skipped. A frame that overtook others
 * is kept until they arrive. A lost frame breaks the stream: skipping it would lose packets without a trace.
 *
 * @param parse Returns the error of a frame that is not in the wire format.
 */
export function orderFrames(
  connection: Received | undefined,
  all: readonly ConnectionEvent[],
  parse: (event: FrameEvent) => ReadyFrame | ProtocolError,
): OrderedFrames {
  const events = all.filter(isFrame);
  let lastNumber = connection?.lastNumber ?? 0;
  const ready: ReadyFrame[] = [];
  const waiting = earlyFrames(connection, all);
  let broken: ProtocolError | undefined;
  for (const event of events) {
    const frame = parse(event);
    if (frame instanceof ProtocolError) broken ??= frame;
    else if (frame.number !== undefined) addFrame(waiting, { ...frame, number: frame.number });
    else if (lastNumber > 0)
      broken ??= new ProtocolError(Reason.protocolError, 'frame without number after numbered ones');
    else if (!broken) ready.push(frame);
  }
  for (const number of [...waiting.keys()].sort((a, b) => a - b)) {
    const frame = waiting.get(number);
    if (number > lastNumber + 1 || !frame) break;
    waiting.delete(number);
    if (number <= lastNumber) continue;
    ready.push(frame);
    lastNumber = number;
  }
  const early = [...waiting.values()];
  return { ready, lastNumber, early, broken: broken ?? overdue(early, lastNumber, events) };
}

type NumberedFrame = ReadyFrame & EarlyFrame;

/** An earlier attempt at any of the events, also at one without a frame, may have handled the waiting frames. */
function earlyFrames(connection: Received | undefined, events: readonly ConnectionEvent[]): Map<number, NumberedFrame> {
  const redelivered = events.some((event) => event.redelivered);
  return new Map((connection?.early ?? []).map((frame) => [frame.number, { ...frame, redelivered }]));
}

/** Keeps the first of two copies of a frame. It counts as redelivered if either copy is. */
function addFrame(waiting: Map<number, NumberedFrame>, frame: NumberedFrame): void {
  const known = waiting.get(frame.number);
  waiting.set(frame.number, known ? { ...known, redelivered: known.redelivered || frame.redelivered } : frame);
}

function overdue(
  early: readonly EarlyFrame[],
  lastNumber: number,
  events: readonly FrameEvent[],
): ProtocolError | undefined {
  const bytes = early.reduce((sum, frame) => sum + frame.bytes.length, 0);
  const oldest = Math.min(...early.map(({ receivedAt }) => receivedAt));
  const newest = Math.max(...events.map(({ receivedAt }) => receivedAt));
  if (bytes <= maxEarlyBytes && early.length <= maxEarlyFrames && newest - oldest <= earlyMilliseconds)
    return undefined;
  return new ProtocolError(Reason.malformedPacket, `frame ${lastNumber + 1} is missing`);
}

/**
 * True if the events are new frames that can be handled at once: in order, none missing, none delivered before, and nothing of earlier
 * frames waits.
 */
export function areWholeFrames(
  connection: Pick<ConnectionRecord, 'tail' | 'early' | 'lastNumber'>,
  events: readonly ConnectionEvent[],
  parse: (event: FrameEvent) => ReadyFrame | ProtocolError,
): boolean {
  if (connection.tail.length > 0 || connection.early.length > 0) return false;
  if (events.some((event) => !isFrame(event) || event.redelivered)) return false;
  const { ready, early, broken } = orderFrames(connection, events, parse);
  return (
    !broken && early.length === 0 && ready.length === events.length && ready.every(({ number }) => number !== undefined)
  );
}
