import type { QoS } from '../../protocol/packets';
import type { SessionId } from './fence';

/** Upper bounds: the same filter may have been counted twice, and one that was removed is counted still. */
export interface SubscriptionCounts {
  readonly all: number;
  /** Of them, in shares. */
  readonly shared: number;
}

/** One client that subscribed to one filter. */
export interface Subscriber {
  /** The filter of the index row, or one of them when several match. */
  readonly filter: string;
  readonly clientId: string;
  readonly session: SessionId;
  readonly qos: QoS;
  readonly noLocal?: boolean;
  readonly retainAsPublished?: boolean;
  /** Of all the subscriptions that match. */
  readonly identifiers?: readonly number[];
  /** ShareName: one of all subscribers with the same filter and share gets a message. */
  readonly share?: string;
}

/** What names a row of the index. */
export type SubscriptionRow = Pick<Subscriber, 'filter' | 'clientId' | 'session' | 'share'>;

/** The list of shapes at one time. */
export interface ShapeList {
  /** Live shapes, each with a revision that changes after every change among its filters. No shape ever gets a revision twice. */
  readonly revisions: ReadonlyMap<string, number>;
  /** Client that each shape is charged to, as `ownerOf` names it; a shape that an earlier release has listed has none. */
  readonly owners: ReadonlyMap<string, string>;
  /** Changes with every shape that is listed or removed; 0 before the first. */
  readonly version: number;
}

/** Shapes that rows of the topic index use. */
export interface UsedShapes {
  readonly shapes: ReadonlySet<string>;
  /** Beginnings of further shapes, of rows whose key holds only the beginning of their filter. */
  readonly prefixes: readonly string[];
}

/** A request to find out which shapes are no longer used. */
export interface ShapeCheck {
  /** Shapes that have lost a subscription. */
  readonly shapes: readonly string[];
  /** Changes with every request that is added. */
  readonly requests: number;
  /** When the last was added, milliseconds since 1970. */
  readonly latestAt: number;
}

/** A shape check in the roster. */
export interface RequestedCheck {
  /** Milliseconds since 1970. */
  readonly shapesRequestedAt: number;
}

export interface SharedSubscription {
  readonly filter: string;
  readonly share: string;
}
