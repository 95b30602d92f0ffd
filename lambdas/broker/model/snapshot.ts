import type { StoredConnection } from './connection';
import type { SessionItem } from './session';
import type { ShapeList } from './subscription';

/** What a publish to subscribers it remembers has to know. */
export interface Snapshot extends StoredConnection {
  readonly shapes: ShapeList;
  readonly heads: ReadonlyMap<string, SessionItem>;
}
