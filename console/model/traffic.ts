/** Seconds over which a rate is taken. */
const windowSeconds = 5;

/** How many messages come and go in a second, on the average of the last five. */
export class Traffic {
  private readonly counts = { in: new Map<number, number>(), out: new Map<number, number>() };

  /** Times are milliseconds. */
  count(direction: 'in' | 'out', now: number): void {
    const second = Math.floor(now / 1000);
    const counts = this.counts[direction];
    counts.set(second, (counts.get(second) ?? 0) + 1);
    for (const old of counts.keys()) if (old < second - windowSeconds) counts.delete(old);
  }

  /** The second that is not over yet does not count. */
  perSecond(direction: 'in' | 'out', now: number): number {
    const second = Math.floor(now / 1000);
    let sum = 0;
    for (let back = 1; back <= windowSeconds; back += 1) sum += this.counts[direction].get(second - back) ?? 0;
    return sum / windowSeconds;
  }
}
