import type { Rule } from './fault-rules';

/** Calls that wait until the fault that holds them has ended. */
export class Holds {
  private held: { readonly rule: Rule; readonly go: () => void }[] = [];

  /** Resolves when `rule` is no longer among the rules. */
  wait(rule: Rule): Promise<void> {
    return new Promise((go) => this.held.push({ rule, go }));
  }

  /** Releases the calls that none of these rules holds. */
  releaseExcept(rules: readonly Rule[]): void {
    const isLeft = ({ rule }: { rule: Rule }) => rules.some(({ slot }) => slot === rule.slot);
    const over = this.held.filter((call) => !isLeft(call));
    this.held = this.held.filter(isLeft);
    for (const { go } of over) go();
  }
}
