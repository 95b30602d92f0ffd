import type { FunctionName } from '../lambdas/deployment';
import type { AwsCall } from './aws-call';
import {
  type CallFault,
  ChanceMemory,
  type Fault,
  type FrameFault,
  firstCallFault,
  maxRules,
  type Rule,
} from './fault-rules';
import { Holds } from './holds';

export interface FaultTargets {
  /** Sends the rules to other threads that apply them. */
  readonly publish: (rules: readonly Rule[]) => Promise<void>;
  readonly cut: (connectionId: string) => void;
  readonly kill: (name?: FunctionName) => Promise<void>;
}

/** A fault and the number of times it has struck. */
export type FaultReport = Fault & { readonly struck: number };

// The last slot is for the random lengths of delays.
const holdSlot = maxRules - 1;

/** Faults on demand. The same seed and the same order of events give the same faults. */
export class Faults {
  readonly memory = new ChanceMemory();
  private rules: Rule[] = [];
  private readonly holds = new Holds();
  private seedValue = 1;
  private readonly slots = new WeakMap<Fault, number>();

  constructor(private readonly targets: FaultTargets) {
    this.memory.reset(holdSlot, this.seedValue);
  }

  get any(): boolean {
    return this.rules.length > 0;
  }

  /** Sets the seed of all faults that are added from now on. */
  seed(seed: number): void {
    this.seedValue = seed;
    this.memory.reset(holdSlot, seed);
  }

  /** Adds faults. They apply to every event after the promise has resolved. */
  async set(...faults: readonly Fault[]): Promise<void> {
    for (const fault of faults) this.add(fault);
    await this.targets.publish(this.rules);
  }

  /** Ends a fault, and releases the calls that it holds. */
  async lift(fault: Fault): Promise<void> {
    await this.keep(this.rules.filter(({ slot }) => slot !== this.slots.get(fault)));
  }

  /** Ends all faults. */
  async clear(): Promise<void> {
    await this.keep([]);
  }

  private async keep(rules: Rule[]): Promise<void> {
    this.rules = rules;
    this.holds.releaseExcept(rules);
    await this.targets.publish(rules);
  }

  /** Returns all faults with the number of times each has struck. */
  report(): FaultReport[] {
    return this.rules.map(({ slot, ...fault }) => ({ ...fault, struck: this.memory.fired(slot) }) as FaultReport);
  }

  /** Returns the number of times that a fault has struck. */
  struck(fault: Fault): number {
    const slot = this.slots.get(fault);
    return slot === undefined ? 0 : this.memory.fired(slot);
  }

  /** Ends a client's socket without a close frame. */
  cut(connectionId: string): void {
    this.targets.cut(connectionId);
  }

  /** Kills the containers of a function, or of all functions, even during an invocation. */
  async kill(name?: FunctionName): Promise<void> {
    await this.targets.kill(name);
  }

  call(call: AwsCall): (CallFault & Rule) | undefined {
    return firstCallFault(this.rules, this.memory, call);
  }

  /** Resolves when a fault that holds calls has ended. */
  isOver(rule: Rule): Promise<void> {
    return this.holds.wait(rule);
  }

  frame(does: FrameFault['does']): FrameFault | undefined {
    return this.rules.find(
      (rule): rule is FrameFault & Rule => rule.fault === 'frame' && rule.does === does && this.memory.applies(rule),
    );
  }

  losesDisconnect(): boolean {
    return this.rules.some((rule) => rule.fault === 'lose-disconnect' && this.memory.applies(rule));
  }

  /** Returns a number from 0 to 1 that follows from the seed. */
  random(): number {
    return this.memory.random(holdSlot);
  }

  private add(fault: Fault): void {
    const slot = (this.rules.at(-1)?.slot ?? -1) + 1;
    if (slot >= holdSlot) throw new Error(`there are ${slot} faults already, and no more are possible`);
    this.memory.reset(slot, this.seedValue + slot);
    this.rules.push({ ...fault, slot });
    this.slots.set(fault, slot);
  }
}
