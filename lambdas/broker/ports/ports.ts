import type { Access } from '../../access/access';
import type { AccountSessions, ConnectionLimiter, Usages } from './accounts';
import type { ConnectionList, ConnectionStore, Lookup } from './connection-store';
import type { DebugClients } from './debug-clients';
import type { Events } from './events';
import type { Connections } from './gateway';
import type { InflightStore } from './inflight-store';
import type { Metrics } from './metrics';
import type { Clock, Log } from './process';
import type { BridgeQueue, FanOutQueue, PacketQueue, TimerQueue } from './queues';
import type { RetainedStore } from './retained-store';
import type { SessionStore } from './session-store';
import type { ShapeChecks, TopicIndex } from './topic-index-store';

/** The interfaces through which the broker uses stores, queues, the gateway and the runtime. */
export interface Ports {
  readonly connectionStore: ConnectionStore;
  readonly sessions: SessionStore;
  readonly topicIndex: TopicIndex;
  readonly shapeChecks: ShapeChecks;
  readonly lookup: Lookup;
  readonly retained: RetainedStore;
  readonly inflight: InflightStore;
  readonly connectionList: ConnectionList;
  readonly connections: Connections;
  readonly packets: PacketQueue;
  readonly timers: TimerQueue;
  readonly fanOut: FanOutQueue;
  /** Absent when there is no bridge. */
  readonly bridge?: BridgeQueue;
  readonly access: Access;
  readonly connectionLimiter: ConnectionLimiter;
  readonly accountSessions: AccountSessions;
  readonly usages: Usages;
  readonly now: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly events: Events;
  readonly debugClients: DebugClients;
}
