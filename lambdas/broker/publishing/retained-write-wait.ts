import { setTimeout as sleep } from 'node:timers/promises';
import { inParallel } from '../../shared/parallel';
import type { RetainedWrite } from '../model/retained-message';
import type { Ports } from '../ports/ports';

const parallelReads = 25;

/**
 * Milliseconds after which a write is over in any case: the time-out of the functions that write, 20 s, and room for clocks that
 * differ.
 */
export const longestWrite = 25_000;

/** Milliseconds that one turn waits for the writes of others, all waits together. */
const totalWait = 500;
const firstPause = 10;
const longestPause = 80;

/** Waits until writes of retained messages are over: their messages have left, or never will. Writers die, so it has a bound. */
export class RetainedWriteWait {
  private left = totalWait;

  constructor(private readonly ports: Pick<Ports, 'connectionStore' | 'retained' | 'log' | 'now'>) {}

  async waitFor(writes: readonly RetainedWrite[]): Promise<void> {
    const now = this.ports.now();
    let waiting = await this.underWay(lastOfEachTurn(writes.filter(({ at }) => now - at < longestWrite)));
    for (let pause = firstPause; waiting.length > 0 && this.left > 0; pause = Math.min(2 * pause, longestPause)) {
      await sleep(pause);
      this.left -= pause;
      waiting = await this.underWay(waiting);
    }
    if (waiting.length > 0) this.ports.log('retained write not awaited', { writes: waiting.length });
  }

  private async underWay(writes: readonly RetainedWrite[]): Promise<RetainedWrite[]> {
    const over = await inParallel(writes, parallelReads, (write) => this.isOver(write));
    return writes.filter((_, index) => !over[index]);
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
