import type { QoS } from '../../protocol/packets';
import type { SessionId } from './fence';

/** Upper bounds: a filter may be counted twice, and a removed one may still be counted. */
export interface SubscriptionCounts {
  readonly all: number;
  /** Number of shared subscriptions among them. */
  readonly shared: number;
}

/** A client that has subscribed to a filter. */
export interface Subscriber {
  /** Filter of the index row, or of one row where several match. */
  readonly filter: string;
  readonly clientId: string;
  readonly session: SessionId;
  readonly qos: QoS;
  readonly noLocal?: boolean;
  readonly retainAsPublished?: boolean;
  /** Subscription identifiers of all matching subscriptions. */
  readonly identifiers?: readonly number[];
  /** ShareName. One of the subscribers with the same filter and ShareName gets a message. */
  readonly share?: string;
}

/** The key of an index row. */
export type SubscriptionRow = Pick<Subscriber, 'filter' | 'clientId' | 'session' | 'share'>;

/** The list of shapes as it was read. */
export interface ShapeList {
  /** Listed shapes. The revision of a shape changes after every change among its filters, and no shape gets a revision twice. */
  readonly revisions: ReadonlyMap<string, number>;
  /** Client that each shape is charged to, in the form of `ownerOf`; a shape that an earlier release has listed has none. */
  readonly owners: ReadonlyMap<string, string>;
  /** Changes whenever a shape is listed or removed; 0 before the first. */
  readonly version: number;
}

/** Shapes that rows of the topic index have. */
export interface UsedShapes {
  readonly shapes: ReadonlySet<string>;
  /** Prefixes of further shapes, from rows whose key holds only a prefix of their filter. */
  readonly prefixes: readonly string[];
}

/** A request to find out which shapes are no longer used. */
export interface ShapeCheck {
  /** Shapes that have lost a subscription. */
  readonly shapes: readonly string[];
  /** Changes with every request that is added. */
  readonly requests: number;
  /** Time of the last request, milliseconds since 1970. */
  readonly latestAt: number;
}

/** The request for a shape check, as the list of connections returns it. */
export interface RequestedCheck {
  /** Milliseconds since 1970. */
  readonly shapesRequestedAt: number;
}

/** A filter with its ShareName. */
export interface SharedSubscription {
  readonly filter: string;
  readonly share: string;
}
