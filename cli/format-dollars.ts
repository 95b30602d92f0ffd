/** An amount of dollars in words: what a run costs is often less than a cent. */
export function inDollars(dollars: number): string {
  return dollars < 0.01 ? 'less than a cent' : `about $${dollars.toFixed(2)}`;
}
