import type { ShapeCheck, ShapeList, Subscriber, SubscriptionRow, UsedShapes } from '../model/subscription';

/** Stores the rows of subscriptions by filter, and the list of shapes. */
export interface TopicIndex {
  /** Reads the list of shapes. */
  shapes(): Promise<ShapeList>;
  /** Reads all rows of a filter. */
  subscribers(filter: string): Promise<Subscriber[]>;
  /** Reads rows of one session, those that exist, in the given order. */
  read(rows: readonly SubscriptionRow[]): Promise<Subscriber[]>;
  /**
   * Writes a row; `outdated` if a newer session of the client has it, `unchanged` if this session has had the same row since an
   * earlier turn.
   */
  put(subscriber: Subscriber, write?: SubscriptionWrite): Promise<'put' | 'outdated' | 'unchanged'>;
  /** Removes the row unless another session of the client has it by now. */
  remove(row: SubscriptionRow): Promise<void>;
  /** Gives a listed shape a new revision, so that every cache reads its filters again. */
  touch(shape: string): Promise<'touched' | 'unlisted'>;
  /** Lists new shapes, at most `shapesPerWrite`; `changed` if a shape was listed or removed since `seen` was read. */
  list(shapes: readonly string[], owner: string, seen: ShapeList): Promise<'listed' | 'changed'>;
  /** Removes at most `shapesPerWrite` shapes; `changed` if one of them was touched, or any was listed or removed, since `seen`. */
  unlist(shapes: readonly string[], seen: ShapeList): Promise<'unlisted' | 'changed'>;
  /** Reads the shapes of all rows, page by page. The first pages are small. */
  usedShapes(): AsyncIterable<UsedShapes>;
}

/**
 * The turn that writes a subscription, by frame numbers of the connection that created the session, where no other connection has
 * written its subscriptions. A turn that died after the write has not given the shape a new revision.
 */
export interface SubscriptionWrite {
  /** Number of the last committed frame. */
  readonly committed: number;
}

/** Shapes per write. An expression of DynamoDB has at most 300 operators and functions. */
export const shapesPerWrite = 50;

/** Milliseconds for which a container does not request the check of the same shape again. */
export const requestMemory = 60_000;

/** Stores at most one request for a shape check, which the sweep finds in the list of connections. */
export interface ShapeChecks {
  /** Requests a check of shapes that have just lost a subscription; a container writes once in `requestMemory` for each shape. */
  request(shapes: readonly string[]): Promise<void>;
  read(): Promise<ShapeCheck | undefined>;
  /** Removes the request; `changed` if another was added since. */
  remove(check: ShapeCheck): Promise<'removed' | 'changed'>;
  /** Postpones the check, and removes shapes from it. */
  postpone(without: readonly string[]): Promise<void>;
}
