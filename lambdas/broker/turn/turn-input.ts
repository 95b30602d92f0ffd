import type { Settings } from '../../settings';
import type { ConnectionEvent } from '../model/connection-event';
import type { Ports } from '../ports/ports';
import type { Router } from '../topic-index/router';
import type { ConnectionCache } from './connection-cache';
import type { FrameReader } from './frames';

/** The input of a turn. */
export interface TurnInput {
  readonly ports: Ports;
  readonly settings: Settings;
  readonly router: Router;
  readonly connections: ConnectionCache;
  readonly connectionId: string;
  /** Events of the connection in their order; never empty. */
  readonly events: readonly ConnectionEvent[];
  readonly reader: FrameReader;
}
