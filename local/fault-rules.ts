import type { FunctionName, QueueName } from '../lambdas/deployment';
import type { TableName } from '../lambdas/storage/schema';
import { type AwsCall, callerParts, type Service } from './aws-call';

/** When a fault strikes, among the events it matches. */
export interface Chance {
  /** From 0 to 1; 1 if absent. */
  readonly probability?: number;
  /** Matching events let pass first. */
  readonly skip?: number;
  /** Strikes at most so often; without end if absent. */
  readonly times?: number;
}

/** An AWS call that goes wrong. What is left out matches everything. */
export interface CallFault extends Chance {
  readonly fault: 'call';
  readonly service?: Service;
  /** As the SDK names it, e.g. `UpdateItem`, `SendMessageBatch`, `PostToConnection`. */
  readonly operation?: string;
  readonly table?: TableName;
  readonly queue?: QueueName;
  /** Only calls made by containers of this function. */
  readonly function?: FunctionName;
  /** Whether the call takes effect before it goes wrong; `before` the effect if absent. */
  readonly when?: 'before' | 'after';
  /**
   * `throttle` and `fail` answer with the service's own error, `kill` ends the calling container without an answer.
   * `partial` does the first half of a batch and hands the rest back; other calls it leaves alone. `hold` makes the call, or its
   * answer when it takes effect before, wait until the fault is lifted.
   */
  readonly outcome: 'throttle' | 'fail' | 'kill' | 'partial' | 'hold';
}

/** A client's frame that suffers between gateway and queue, or with its socket. */
export interface FrameFault extends Chance {
  readonly fault: 'frame';
  /** `delay` holds up the connection's later frames too, `reorder` lets them overtake, `cut` kills the socket after it. */
  readonly does: 'duplicate' | 'delay' | 'reorder' | 'cut';
  /** Longest hold of `delay` and `reorder`; 50 if absent. */
  readonly milliseconds?: number;
}

/** API Gateway: `$disconnect` is best effort. */
export interface DisconnectFault extends Chance {
  readonly fault: 'lose-disconnect';
}

export type Fault = CallFault | FrameFault | DisconnectFault;

export type Rule = Fault & { readonly slot: number };

/** How many faults may be set at once. */
export const maxRules = 256;

/** Memory that all threads draw their luck from, so that `times`, `skip` and the seed hold for the whole cloud. */
export class ChanceMemory {
  private readonly cells: Int32Array;

  constructor(readonly shared: SharedArrayBuffer = new SharedArrayBuffer(maxRules * 3 * 4)) {
    this.cells = new Int32Array(shared);
  }

  reset(slot: number, seed: number): void {
    this.cells.set([0, 0, seed], slot * 3);
  }

  fired(slot: number): number {
    return Atomics.load(this.cells, slot * 3 + 1);
  }

  applies({ slot, probability = 1, skip = 0, times = Number.POSITIVE_INFINITY }: Rule): boolean {
    if (this.fired(slot) >= times) return false;
    if (Atomics.add(this.cells, slot * 3, 1) < skip) return false;
    if (probability < 1 && this.random(slot) >= probability) return false;
    return Atomics.add(this.cells, slot * 3 + 1, 1) < times;
  }

  /** Mulberry32: its state only ever grows by a constant, so threads can share one sequence with one atomic addition. */
  random(slot: number): number {
    let state = Atomics.add(this.cells, slot * 3 + 2, 0x6d2b79f5) + 0x6d2b79f5;
    state = Math.imul(state ^ (state >>> 15), state | 1);
    state ^= state + Math.imul(state ^ (state >>> 7), state | 61);
    return ((state ^ (state >>> 14)) >>> 0) / 2 ** 32;
  }
}

/** The first call fault that strikes this call. */
export function firstCallFault(
  rules: readonly Rule[],
  memory: ChanceMemory,
  call: AwsCall,
): (CallFault & Rule) | undefined {
  if (rules.length === 0) return undefined;
  const caller = callerParts(call.caller)?.name;
  return rules.find((rule): rule is CallFault & Rule => {
    if (rule.fault !== 'call' || !matches(rule, call, caller)) return false;
    return memory.applies(rule);
  });
}

const batches = new Set(['BatchGetItem', 'BatchWriteItem', 'PutEvents', 'SendMessageBatch']);

function matches(fault: CallFault, call: AwsCall, caller: string | undefined): boolean {
  if (fault.outcome === 'kill' && caller === undefined) return false;
  if (fault.outcome === 'partial' && !batches.has(call.operation)) return false;
  return (
    (fault.service === undefined || fault.service === call.service) &&
    (fault.operation === undefined || fault.operation === call.operation) &&
    (fault.table === undefined || (call.tables?.includes(fault.table) ?? false)) &&
    (fault.queue === undefined || fault.queue === call.queue) &&
    (fault.function === undefined || fault.function === caller)
  );
}
