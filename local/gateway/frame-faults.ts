import { setTimeout as sleep } from 'node:timers/promises';
import type { FrameFault } from '../fault-rules';
import type { Faults } from '../faults';

// Maximum milliseconds of a delayed or reordered frame, unless the fault sets it.
const defaultMilliseconds = 50;

/** Applies faults to frames between gateway and queue: they wait, repeat or lose their order. */
export class FrameFaults {
  /** Number of delayed frames. */
  pending = 0;
  /** The last delayed frame of each connection; later frames wait behind it. */
  private readonly delays = new Map<string, Promise<void>>();

  constructor(private readonly faults: Faults) {}

  /** Calls `enqueue` for the frame, once or twice, now or later. Returns true when the socket must be cut. */
  pass(connectionId: string, enqueue: () => void): boolean {
    if (!this.faults.any && this.pending === 0) {
      enqueue();
      return false;
    }
    if (this.faults.frame('duplicate')) this.forward(connectionId, enqueue);
    this.forward(connectionId, enqueue);
    return this.faults.frame('cut') !== undefined;
  }

  /** Passes in order behind the delayed frames of its connection, but is neither repeated nor reordered. */
  follow(connectionId: string, enqueue: () => void): void {
    const delay = this.delays.get(connectionId);
    if (delay) this.wait(delay, enqueue);
    else enqueue();
  }

  private forward(connectionId: string, enqueue: () => void): void {
    const reorder = this.faults.frame('reorder');
    const delay = this.faults.frame('delay');
    if (reorder) this.wait(this.hold(reorder), enqueue);
    else if (delay) this.delay(connectionId, delay, enqueue);
    else this.follow(connectionId, enqueue);
  }

  private delay(connectionId: string, fault: FrameFault, enqueue: () => void): void {
    const held = Promise.all([this.delays.get(connectionId), this.hold(fault)]).then(() => {});
    const passed = this.wait(held, enqueue);
    this.delays.set(connectionId, passed);
    passed.then(() => {
      if (this.delays.get(connectionId) === passed) this.delays.delete(connectionId);
    });
  }

  private hold({ milliseconds = defaultMilliseconds }: FrameFault): Promise<void> {
    return sleep(1 + this.faults.random() * milliseconds);
  }

  private async wait(until: Promise<void>, enqueue: () => void): Promise<void> {
    this.pending += 1;
    await until;
    this.pending -= 1;
    enqueue();
  }
}
