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
  /** Tells the rules to whoever else draws from them. */
  readonly publish: (rules: readonly Rule[]) => Promise<void>;
  readonly cut: (connectionId: string) => void;
  readonly kill: (name?: FunctionName) => Promise<void>;
}

/** How often a fault was considered is not told, how often it struck is. */
export type FaultReport = Fault & { readonly struck: number };

// The last slot belongs to the lengths of holds.
const holdSlot = maxRules - 1;

/** What goes wrong on demand. The same seed and the same order of events give the same faults. */
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

  /** Starts the luck of all faults set from now on from this number. */
  seed(seed: number): void {
    this.seedValue = seed;
    this.memory.reset(holdSlot, seed);
  }

  /** Adds faults; they strike every event that happens after the promise has resolved. */
  async set(...faults: readonly Fault[]): Promise<void> {
    for (const fault of faults) this.add(fault);
    await this.targets.publish(this.rules);
  }

  /** Ends one of the faults that were set, and lets go on what it holds. */
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

  /** Every fault with the number of times it struck. */
  report(): FaultReport[] {
    return this.rules.map(({ slot, ...fault }) => ({ ...fault, struck: this.memory.fired(slot) }) as FaultReport);
  }

  /** How often one of the faults that were set has struck. */
  struck(fault: Fault): number {
    const slot = this.slots.get(fault);
    return slot === undefined ? 0 : this.memory.fired(slot);
  }

  /** Ends a client's socket without a close frame. */
  cut(connectionId: string): void {
    this.targets.cut(connectionId);
  }

  /** Kills the containers of a function, or all of them, whatever they are doing. */
  async kill(name?: FunctionName): Promise<void> {
    await this.targets.kill(name);
  }

  call(call: AwsCall): (CallFault & Rule) | undefined {
    return firstCallFault(this.rules, this.memory, call);
  }

  /** Resolves when a fault that holds is over. */
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

  /** From 0 to 1, from the seed. */
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
