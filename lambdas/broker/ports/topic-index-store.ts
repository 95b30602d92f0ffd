import type { ShapeCheck, ShapeList, Subscriber, SubscriptionRow, UsedShapes } from '../model/subscription';

export interface TopicIndex {
  shapes(): Promise<ShapeList>;
  subscribers(filter: string): Promise<Subscriber[]>;
  /** Rows of one session that are there, in the order they are named. */
  read(rows: readonly SubscriptionRow[]): Promise<Subscriber[]>;
  /** `superseded` when a newer session of the client has the row, `unchanged` when this session has had the same since an earlier turn. */
  put(subscriber: Subscriber, write?: SubscriptionWrite): Promise<'put' | 'superseded' | 'unchanged'>;
  /** Removes the row unless another session of the client has it by now. */
  remove(row: SubscriptionRow): Promise<void>;
  /** Gives a listed shape a new revision: tells every cache that its filters changed. */
  touch(shape: string): Promise<'touched' | 'unlisted'>;
  /** Lists new shapes, at most `shapesPerWrite`; `changed` when a shape was listed or removed since `seen` was read. */
  list(shapes: readonly string[], owner: string, seen: ShapeList): Promise<'listed' | 'changed'>;
  /** Removes at most `shapesPerWrite` shapes; `changed` when one of them was touched, or any was listed or removed, since `seen`. */
  unlist(shapes: readonly string[], seen: ShapeList): Promise<'unlisted' | 'changed'>;
  /** Shapes that rows have, from one end of the index to the other, page by page; first pages are small. */
  usedShapes(): AsyncIterable<UsedShapes>;
}

/**
 * Which turn writes a subscription, in numbers of frames of the connection that created the session; only that connection has
 * written its subscriptions. A turn that has written one and died has not told publishers of it.
 */
export interface SubscriptionWrite {
  /** The last frame whose turn is over. */
  readonly committed: number;
}

/** DynamoDB: an expression has at most 300 operators and functions. */
export const shapesPerWrite = 50;

/** Milliseconds for which a container does not ask again for the check of a shape. */
export const requestMemory = 60_000;

/** At most one request for a check of shapes, which the schedule finds in its roster. */
export interface ShapeChecks {
  /** Asks for a check of shapes that have just lost a subscription; a container asks once in `requestMemory` for each shape. */
  request(shapes: readonly string[]): Promise<void>;
  read(): Promise<ShapeCheck | undefined>;
  /** Removes the request; `changed` when another was added since. */
  remove(check: ShapeCheck): Promise<'removed' | 'changed'>;
  /** The check has to be made again, later, and `without` these shapes. */
  postpone(without: readonly string[]): Promise<void>;
}
