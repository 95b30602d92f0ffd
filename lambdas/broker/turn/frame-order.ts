import { parseFrame } from '../../protocol/frames';
import { ProtocolError, Reason } from '../../protocol/reason-codes';
import type { EarlyFrame } from '../model/connection';
import {
  type ConnectionEvent,
  type FrameEvent,
  isFrame,
  maxEarlyBytes,
  maxEarlyFrames,
  type ReadyFrame,
} from '../model/connection-event';

/** Frames in order, and what has to wait. */
export interface OrderedFrames {
  readonly ready: readonly ReadyFrame[];
  readonly lastNumber: number;
  readonly early: readonly EarlyFrame[];
  /** Why the stream ends after the ready frames. */
  readonly broken?: ProtocolError;
}

/** Milliseconds that an overtaken frame waits at most before its connection is closed. */
const earlyMilliseconds = 10_000;

/** What is known of the frames of a connection. */
export interface Received {
  readonly lastNumber: number;
  readonly early: readonly EarlyFrame[];
}

/**
 * Puts frames back into the order their client numbered them in. A repeated frame is skipped, one that overtook others
 * is kept until they come; a frame that is lost breaks the stream instead of being passed over in silence.
 */
export function orderFrames(connection: Received | undefined, all: readonly ConnectionEvent[]): OrderedFrames {
  const events = all.filter(isFrame);
  let lastNumber = connection?.lastNumber ?? 0;
  const ready: ReadyFrame[] = [];
  const waiting = earlyFrames(connection, all);
  let broken: ProtocolError | undefined;
  for (const event of events) {
    const frame = toFrame(event);
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

/** An earlier attempt at any of the events, also at one that is no frame, may have come to the frames that waited. */
function earlyFrames(connection: Received | undefined, events: readonly ConnectionEvent[]): Map<number, NumberedFrame> {
  const redelivered = events.some((event) => event.redelivered);
  return new Map((connection?.early ?? []).map((frame) => [frame.number, { ...frame, redelivered }]));
}

/** Of two copies of a frame the first one counts, and what is known of either. */
function addFrame(waiting: Map<number, NumberedFrame>, frame: NumberedFrame): void {
  const known = waiting.get(frame.number);
  waiting.set(frame.number, known ? { ...known, redelivered: known.redelivered || frame.redelivered } : frame);
}

function toFrame(event: FrameEvent): ReadyFrame | ProtocolError {
  const { id: eventId, receivedAt, connectedAt, redelivered } = event;
  try {
    return { ...parseFrame(event.text), eventId, receivedAt, connectedAt, redelivered };
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
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
