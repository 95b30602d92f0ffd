/** Embedded metric format: a metric has at most 100 values in one line. */
const capacity = 100;

/** At most so many of the values it is shown, each as likely as any other, so that percentiles stay true. */
export class Sample {
  readonly values: number[];
  private seen = 1;

  constructor(first: number) {
    this.values = [first];
  }

  add(value: number): void {
    this.seen += 1;
    const place = this.values.length < capacity ? this.values.length : Math.floor(Math.random() * this.seen);
    if (place < capacity) this.values[place] = value;
  }
}
