import type { FunctionName } from '../../lambdas/deployment';
import type { Meter } from '../bill';
import type { ClockTimer, LocalClock } from '../clock';
import type { Container } from './container';

export interface ContainerPoolProps {
  readonly name: FunctionName;
  /** Maximum number of containers. */
  readonly size: number;
  readonly create: (number: number) => Container;
  readonly meter: Meter;
  readonly clock: LocalClock;
  /** A container ends after so many invocations, or so many minutes without one. */
  readonly recycleInvocations: number;
  readonly recycleIdleMinutes: number;
}

/** The execution environments of one function. A new one starts when all others are busy, as in Lambda. */
export class ContainerPool {
  /** Called when an invocation can start immediately. */
  onCapacity: () => void = () => {};
  private readonly containers = new Map<number, Container>();
  /** The most recently used one is last. */
  private readonly idleContainers: Container[] = [];
  private readonly waiting: (() => void)[] = [];
  private readonly idleTimers = new Map<Container, ClockTimer>();
  private created = 0;
  private stopped = false;

  constructor(private readonly props: ContainerPoolProps) {}

  get hasCapacity(): boolean {
    return !this.stopped && (this.idleContainers.length > 0 || this.containers.size < this.props.size);
  }

  get idle(): boolean {
    return this.waiting.length === 0 && this.idleContainers.length === this.containers.size;
  }

  /** Runs one event when a container is free. */
  async invoke(event: unknown): Promise<unknown> {
    while (!this.hasCapacity) await this.waitForCapacity();
    const coldStart = this.idleContainers.length === 0;
    const container = this.take();
    const startedAt = performance.now();
    let failed = true;
    try {
      const result = await container.invoke(event);
      failed = false;
      return result;
    } finally {
      const milliseconds = performance.now() - startedAt;
      this.props.meter.invoked(this.props.name, { milliseconds, failed, coldStart });
      this.release(container);
    }
  }

  /** Kills one container, or all of them; their invocations fail. */
  async kill(number?: number): Promise<void> {
    const containers = [...this.containers].filter(([other]) => number === undefined || number === other);
    await Promise.all(containers.map(([, container]) => this.end(container, 'the container was killed')));
  }

  async stop(): Promise<void> {
    this.stopped = true;
    for (const next of this.waiting.splice(0)) next();
    await this.kill();
  }

  private async waitForCapacity(): Promise<void> {
    if (this.stopped) throw new Error(`${this.props.name} cannot run: the local cloud has stopped`);
    await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  private take(): Container {
    const container = this.idleContainers.pop() ?? this.create();
    this.idleTimers.get(container)?.cancel();
    return container;
  }

  private create(): Container {
    this.created += 1;
    const number = this.created;
    const container = this.props.create(number);
    this.containers.set(number, container);
    container.onEnd = () => this.forget(number, container);
    return container;
  }

  private release(container: Container): void {
    if (!container.alive) return;
    const recycle = () => this.end(container, 'the container was recycled');
    if (container.invocations >= this.props.recycleInvocations) {
      recycle();
      return;
    }
    this.idleContainers.push(container);
    this.idleTimers.set(container, this.props.clock.after(this.props.recycleIdleMinutes * 60_000, recycle));
    this.offerCapacity();
  }

  /** Removes the container from the idle ones first, so that no invocation uses a thread that is ending. */
  private end(container: Container, cause: string): Promise<void> {
    const index = this.idleContainers.indexOf(container);
    if (index >= 0) this.idleContainers.splice(index, 1);
    return container.kill(cause);
  }

  private forget(number: number, container: Container): void {
    this.containers.delete(number);
    this.idleTimers.get(container)?.cancel();
    this.idleTimers.delete(container);
    this.offerCapacity();
  }

  private offerCapacity(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.onCapacity();
  }
}
