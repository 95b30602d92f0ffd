import type { PublishAllowance } from './publish-allowance';

/** What the connections of an account have lately used of what each of them may. */
export interface Usage {
  /** Absent where nothing is limited. */
  readonly allowance?: PublishAllowance;
  /** Bytes written for unfinished packets, see `debtAfter` in unfinished.ts. */
  readonly debt: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}
