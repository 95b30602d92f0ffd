export interface Capacity {
  readonly TableName: string;
  readonly CapacityUnits: number;
}

/**
 * Dynalite's form of it. It cannot stand within an item: there every value is an object that names its type, and
 * quotation marks in strings are escaped. So the answer need not be parsed, which for a query of 20 items takes longer
 * than all the rest of the front.
 */
const plain = String.raw`\{"CapacityUnits":[\d.]+,"TableName":"[\w.-]+"\}`;
const plainCapacity = new RegExp(`(,?)"ConsumedCapacity":(${plain}|\\[${plain}(?:,${plain})*\\])(,?)`);

/** The consumed capacity in an answer of DynamoDB, and the answer without it. */
export function takeCapacity(answer: string): { capacities: readonly Capacity[]; body: string } {
  const match = plainCapacity.exec(answer);
  if (!match) return parseCapacity(answer);
  const [whole, before, capacity, after] = match;
  const comma = before && after;
  const body = answer.slice(0, match.index) + comma + answer.slice(match.index + whole.length);
  return { capacities: [JSON.parse(capacity!)].flat(), body };
}

/** Endpoints that say more. */
function parseCapacity(answer: string): { capacities: readonly Capacity[]; body: string } {
  const { ConsumedCapacity = [], ...rest } = JSON.parse(answer) as { ConsumedCapacity?: Capacity | Capacity[] };
  return { capacities: [ConsumedCapacity].flat(), body: JSON.stringify(rest) };
}
