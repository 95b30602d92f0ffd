/** Period of a rate. */
const windowSeconds = 5;

/** Messages per second that the page receives and publishes, as an average of five seconds. */
export class Traffic {
  private readonly counts = { in: new Map<number, number>(), out: new Map<number, number>() };

  /** Counts a message at a time in milliseconds. */
  count(direction: 'in' | 'out', now: number): void {
    const second = Math.floor(now / 1000);
    const counts = this.counts[direction];
    counts.set(second, (counts.get(second) ?? 0) + 1);
    for (const old of counts.keys()) if (old < second - windowSeconds) counts.delete(old);
  }

  /** Returns the rate of the last five full seconds. */
  perSecond(direction: 'in' | 'out', now: number): number {
    const second = Math.floor(now / 1000);
    let sum = 0;
    for (let back = 1; back <= windowSeconds; back += 1) sum += this.counts[direction].get(second - back) ?? 0;
    return sum / windowSeconds;
  }
}
