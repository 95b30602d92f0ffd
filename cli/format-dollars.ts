/** Formats the cost of one run, which is often less than a cent. */
export function formatDollars(dollars: number): string {
  return dollars < 0.01 ? 'less than a cent' : `about $${dollars.toFixed(2)}`;
}
