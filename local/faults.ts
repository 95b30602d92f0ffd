import type { FunctionName } from '../lambdas/deployment';
import type { AwsCall } from './aws-call';
import {
  type CallFault,
  ChanceMemory,
  type Fault,
  type FrameFault,
  maxRules,
  type Rule,
  strikingCallFault,
} from './fault-rules';

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
  private seedValue = 1;

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

  /** Ends all faults. */
  async clear(): Promise<void> {
    this.rules = [];
    await this.targets.publish(this.rules);
  }

  /** Every fault with the number of times it struck. */
  report(): FaultReport[] {
    return this.rules.map(({ slot, ...fault }) => ({ ...fault, struck: this.memory.fired(slot) }) as FaultReport);
  }

  /** Ends a client's socket without a close frame. */
  cut(connectionId: string): void {
    this.targets.cut(connectionId);
  }

  /** Kills the containers of a function, or all of them, whatever they are doing. */
  async kill(name?: FunctionName): Promise<void> {
    await this.targets.kill(name);
  }

  call(call: AwsCall): CallFault | undefined {
    return strikingCallFault(this.rules, this.memory, call);
  }

  frame(does: FrameFault['does']): FrameFault | undefined {
    return this.rules.find(
      (rule): rule is FrameFault & Rule => rule.fault === 'frame' && rule.does === does && this.memory.strikes(rule),
    );
  }

  losesDisconnect(): boolean {
    return this.rules.some((rule) => rule.fault === 'lose-disconnect' && this.memory.strikes(rule));
  }

  /** From 0 to 1, from the seed. */
  random(): number {
    return this.memory.random(holdSlot);
  }

  private add(fault: Fault): void {
    const slot = this.rules.length;
    if (slot >= holdSlot) throw new Error(`there are ${slot} faults already, and no more are possible`);
    this.memory.reset(slot, this.seedValue + slot);
    this.rules.push({ ...fault, slot });
  }
}
