import { setTimeout as sleep } from 'node:timers/promises';
import { inParallel } from '../../shared/parallel';
import type { RetainedWrite } from '../model/retained-message';
import type { Ports } from '../ports/ports';

const parallelReads = 25;

/** Milliseconds after which a write is over in any case: the timeout of the functions that write, 20 s, and 5 s of clock skew. */
export const maxWriteDuration = 25_000;

/** Milliseconds that one turn waits for the writes of others, all waits together. */
const maxTotalWait = 500;
const firstPause = 10;
const maxPause = 80;

/**
 * Waits until writes of retained messages are over: their messages have left, or never will. The wait is bounded, because workers
 * die.
 */
export class RetainedWriteWait {
  private remaining = maxTotalWait;

  constructor(private readonly ports: Pick<Ports, 'connectionStore' | 'retained' | 'log' | 'now'>) {}

  async waitFor(writes: readonly RetainedWrite[]): Promise<void> {
    const now = this.ports.now();
    let waiting = await this.notOver(lastOfEachTurn(writes.filter(({ at }) => now - at < maxWriteDuration)));
    for (let pause = firstPause; waiting.length > 0 && this.remaining > 0; pause = Math.min(2 * pause, maxPause)) {
      await sleep(pause);
      this.remaining -= pause;
      waiting = await this.notOver(waiting);
    }
    if (waiting.length > 0) this.ports.log('retained write wait timed out', { writes: waiting.length });
  }

  private async notOver(writes: readonly RetainedWrite[]): Promise<RetainedWrite[]> {
    const isOver = await inParallel(writes, parallelReads, (write) => this.isOver(write));
    return writes.filter((_, index) => !isOver[index]);
  }

  private async isOver(write: RetainedWrite): Promise<boolean> {
    const { turn } = write;
    if (!turn) return this.ports.retained.hasEnded(write);
    const connection = await this.ports.connectionStore.read(turn.connectionId);
    return !connection || connection.ended !== undefined || connection.lastNumber >= turn.number;
  }
}

/** All writes of a connection are over when its last one is. */
function lastOfEachTurn(writes: readonly RetainedWrite[]): readonly RetainedWrite[] {
  const last = new Map<string, RetainedWrite>();
  for (const write of writes) {
    const name = write.turn?.connectionId ?? write.revision;
    if ((last.get(name)?.turn?.number ?? 0) <= (write.turn?.number ?? 0)) last.set(name, write);
  }
  return [...last.values()];
}
