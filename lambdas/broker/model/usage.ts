import type { PublishAllowance } from './publish-allowance';

/** Usage of the publish and fragment limits by the connections of an account. */
export interface Usage {
  /** Absent where publishing is not limited. */
  readonly allowance?: PublishAllowance;
  /** Bytes written for unfinished packets, see `debtAfter` in fragment-debt.ts. */
  readonly debt: number;
  /** Time of this state, milliseconds since 1970. */
  readonly at: number;
}
