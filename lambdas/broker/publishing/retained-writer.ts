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
 * Stores retained messages. The writes of a topic have one order, in which their messages are stored and sent: a write stores nothing
 * before the preceding write is over. So the message that a subscriber gets last is the retained one.
 *
 * The wait has a bound, because workers die, and because two turns that write two topics in opposite order wait for each other.
 * Beyond it the order is not guaranteed.
 */
export class RetainedWriter {
  private readonly ports: Ports;
  private readonly settings: RetainedLimits;
  private readonly dispatch: Dispatch;
  private readonly retainedWait: RetainedWriteWait;
  private readonly turn: () => WritingTurn | undefined;
  /** Revisions of the writes of this turn. */
  private readonly own = new Set<string>();

  constructor({ ports, settings, dispatch, retainedWait, turn = () => undefined }: RetainedWriterOptions) {
    this.ports = ports;
    this.settings = settings;
    this.dispatch = dispatch;
    this.retainedWait = retainedWait;
    this.turn = turn;
  }

  /**
   * Stores or removes retained messages of different topics. When it returns, every new subscription finds the change.
   *
   * @returns the topics whose messages are not stored, because a limit is used up.
   */
  async retain(incoming: readonly IncomingMessage[]): Promise<readonly string[]> {
    const { retained } = this.ports;
    const begun = await inParallel(incoming, parallelWrites, (one) => this.begin(one));
    const writes = begun.filter((write) => write !== 'full');
    await this.retainedWait.waitFor(writes.flatMap(({ before }) => before ?? []));
    await inParallel(writes, parallelWrites, ({ incoming: one, write }) =>
      isRemoval(one) ? retained.remove(write) : retained.put(one.message, write, originOf(one)),
    );
    return incoming.filter((_, index) => begun[index] === 'full').map(({ message: { topic } }) => topic);
  }

  /** Begins a write. A message beyond a limit is delivered but not retained. */
  private async begin(incoming: IncomingMessage) {
    const { retained } = this.ports;
    const { topic } = incoming.message;
    const { account } = originOf(incoming);
    const shortage = isRemoval(incoming) ? undefined : await retained.shortage(topic, account);
    if (shortage) {
      this.logRefusal(shortage, account);
      return 'full';
    }
    const turn = this.turn();
    const { write, before } = await retained.begin(topic, turn);
    const hasToWait = before && !this.isOwn(before);
    this.own.add(write.revision);
    if (isRemoval(incoming)) this.dispatch.afterSend(() => retained.endRemoval(write));
    else if (!turn) this.dispatch.afterSend(() => retained.endPut(write));
    return { incoming, write, ...(hasToWait && { before }) };
  }

  private logRefusal(shortage: RetainedShortage, account: string): void {
    const { maxRetained, maxRetainedPerUser } = this.settings;
    const limits = {
      broker: { limit: 'retained messages', allowed: maxRetained },
      account: { limit: 'retained messages of a user', allowed: maxRetainedPerUser, account },
    };
    this.ports.log('limit', limits[shortage]);
    this.ports.metrics.count('DroppedLimit');
  }

  /** The frames of a connection are handled in order: its earlier writes are over, or belong to an attempt that died. */
  private isOwn({ revision, turn }: RetainedWrite): boolean {
    return this.own.has(revision) || (turn !== undefined && turn.connectionId === this.turn()?.connectionId);
  }
}

function originOf({ id, attempted, account = '' }: IncomingMessage): RetainedOrigin {
  return { id, attempted, account };
}

/** A message with an empty payload removes the retained message [v3 MQTT-3.3.1-10] [v3 MQTT-3.3.1-11]. */
function isRemoval({ message: { payload } }: IncomingMessage): boolean {
  return payload.length === 0;
}
