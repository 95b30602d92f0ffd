import type { StoredConnection } from './connection';
import type { SessionItem } from './session';
import type { ShapeList } from './subscription';

/** A consistent read of all that a publish to cached subscribers depends on. */
export interface Snapshot extends StoredConnection {
  readonly shapes: ShapeList;
  /** Session items by client id. */
  readonly sessions: ReadonlyMap<string, SessionItem>;
}
