import type { Settings } from '../../settings';
import { inParallel } from '../../shared/parallel';
import type { IncomingMessage } from '../model/delivery';
import type { RetainedWrite, WritingTurn } from '../model/retained-message';
import type { Dispatch } from '../outbound/dispatch';
import type { Ports } from '../ports/ports';
import type { RetainedOrigin, RetainedShortage } from '../ports/retained-store';
import type { RetainedWriteWait } from './retained-write-wait';

const parallelWrites = 50;

type RetainedLimits = Pick<Settings, 'maxRetained' | 'maxRetainedPerUser'>;

export interface RetainedWriterOptions {
  readonly ports: Ports;
  readonly settings: RetainedLimits;
  /** Tells when the messages have left. */
  readonly dispatch: Dispatch;
  readonly retainedWait: RetainedWriteWait;
  /** Returns the turn that writes; undefined where it commits no frame. Absent outside the stream of a connection. */
  readonly turn?: () => WritingTurn | undefined;
}

/**
 * Stores retained messages. The writes of a topic are in one order, in which their messages are stored and in which they leave: a
 * write stores nothing before the write in the place before it is over. So the message that a subscriber hears last is the one that
 * is retained.
 *
 * The wait has a bound, because writers die, and because two turns that write two topics in opposite order wait for each other.
 * Beyond it the order is left to chance.
 */
export class RetainedWriter {
  /** Revisions of the writes of this turn. */
  private readonly own = new Set<string>();

  private readonly ports: Ports;
  private readonly settings: RetainedLimits;
  private readonly dispatch: Dispatch;
  private readonly retainedWait: RetainedWriteWait;
  private readonly turn: () => WritingTurn | undefined;

  constructor({ ports, settings, dispatch, retainedWait, turn = () => undefined }: RetainedWriterOptions) {
    this.ports = ports;
    this.settings = settings;
    this.dispatch = dispatch;
    this.retainedWait = retainedWait;
    this.turn = turn;
  }

  /**
   * Stores or removes messages of different topics. When it returns, every new subscription finds the change. Returns the topics whose
   * messages are not stored, because a limit is used up.
   */
  async retain(arrivals: readonly IncomingMessage[]): Promise<readonly string[]> {
    const { retained } = this.ports;
    const begun = await inParallel(arrivals, parallelWrites, (arrival) => this.begin(arrival));
    const writes = begun.filter((write) => write !== 'full');
    await this.retainedWait.waitFor(writes.flatMap(({ before }) => before ?? []));
    await inParallel(writes, parallelWrites, ({ arrival, write }) =>
      isRemoval(arrival) ? retained.remove(write) : retained.put(arrival.message, write, originOf(arrival)),
    );
    return arrivals.filter((_, index) => begun[index] === 'full').map(({ message: { topic } }) => topic);
  }

  /** Beyond the limit a message is delivered all the same; whoever subscribes later does without it. */
  private async begin(arrival: IncomingMessage) {
    const { retained } = this.ports;
    const { topic } = arrival.message;
    const { account } = originOf(arrival);
    const shortage = isRemoval(arrival) ? undefined : await retained.shortage(topic, account);
    if (shortage) {
      this.refuse(shortage, account);
      return 'full';
    }
    const turn = this.turn();
    const { write, before } = await retained.begin(topic, turn);
    const isOthers = before && !this.isOwn(before);
    this.own.add(write.revision);
    if (isRemoval(arrival)) this.dispatch.whenSent(() => retained.endRemoval(write));
    else if (!turn) this.dispatch.whenSent(() => retained.endPut(write));
    return { arrival, write, ...(isOthers && { before }) };
  }

  private refuse(shortage: RetainedShortage, account: string): void {
    const { maxRetained, maxRetainedPerUser } = this.settings;
    const limits = {
      broker: { limit: 'retained messages', allowed: maxRetained },
      account: { limit: 'retained messages of a user', allowed: maxRetainedPerUser, account },
    };
    this.ports.log('limit', limits[shortage]);
    this.ports.metrics.count('DroppedLimit');
  }

  /** The frames of a connection are handled one after the other: its earlier writes are over, or of an attempt that died. */
  private isOwn({ revision, turn }: RetainedWrite): boolean {
    return this.own.has(revision) || (turn !== undefined && turn.connectionId === this.turn()?.connectionId);
  }
}

function originOf({ id, attempted, account = '' }: IncomingMessage): RetainedOrigin {
  return { id, attempted, account };
}

/** An empty message removes what is retained [v3 MQTT-3.3.1-10] [v3 MQTT-3.3.1-11]. */
function isRemoval({ message: { payload } }: IncomingMessage): boolean {
  return payload.length === 0;
}
