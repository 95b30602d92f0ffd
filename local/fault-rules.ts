import type { FunctionName, QueueName } from '../lambdas/deployment';
import type { TableName } from '../lambdas/storage/schema';
import { type AwsCall, callerParts, type Service } from './aws-call';

/** Decides at which of the matching events a fault strikes. */
export interface Chance {
  /** From 0 to 1; 1 if absent. */
  readonly probability?: number;
  /** Number of matching events that pass first. */
  readonly skip?: number;
  /** Maximum number of strikes; unlimited if absent. */
  readonly times?: number;
}

/** An AWS call that fails. An absent field matches everything. */
export interface CallFault extends Chance {
  readonly fault: 'call';
  readonly service?: Service;
  /** Name in the SDK, for example `UpdateItem`, `SendMessageBatch` or `PostToConnection`. */
  readonly operation?: string;
  readonly table?: TableName;
  readonly queue?: QueueName;
  /** Matches only calls of containers of this function. */
  readonly function?: FunctionName;
  /** `after`: the call takes effect before it fails. `before` if absent. */
  readonly when?: 'before' | 'after';
  /**
   * `throttle` and `fail` return the service's own error, `kill` ends the calling container without a response.
   * `partial` executes the first half of a batch and returns the rest as unprocessed; it does not affect other calls.
   * `hold` delays the call, or its response if it takes effect before, until the fault is lifted.
   */
  readonly outcome: 'throttle' | 'fail' | 'kill' | 'partial' | 'hold';
}

/** A fault of a client's frame between gateway and queue, or of its socket. */
export interface FrameFault extends Chance {
  readonly fault: 'frame';
  /**
   * `delay` also delays later frames of the connection, `reorder` lets them overtake, `cut` ends the socket after the
   * frame.
   */
  readonly does: 'duplicate' | 'delay' | 'reorder' | 'cut';
  /** Maximum milliseconds of `delay` and `reorder`; 50 if absent. */
  readonly milliseconds?: number;
}

/** A lost `$disconnect`, which API Gateway sends on a best-effort basis. */
export interface DisconnectFault extends Chance {
  readonly fault: 'lose-disconnect';
}

export type Fault = CallFault | FrameFault | DisconnectFault;

export type Rule = Fault & { readonly slot: number };

/** Maximum number of faults at the same time. */
export const maxRules = 256;

/** Shared counters and random states of all threads, so that `times`, `skip` and the seed apply to the whole cloud. */
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

  /** Mulberry32: its state only grows by a constant, so threads can share one sequence by an atomic addition. */
  random(slot: number): number {
    let state = Atomics.add(this.cells, slot * 3 + 2, 0x6d2b79f5) + 0x6d2b79f5;
    state = Math.imul(state ^ (state >>> 15), state | 1);
    state ^= state + Math.imul(state ^ (state >>> 7), state | 61);
    return ((state ^ (state >>> 14)) >>> 0) / 2 ** 32;
  }
}

/** Returns the first call fault that strikes this call. */
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
