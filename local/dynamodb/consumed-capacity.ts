/** Capacity that a call has consumed in one table. */
export interface Capacity {
  readonly TableName: string;
  readonly CapacityUnits: number;
}

/** Returns the consumed capacity in a response of DynamoDB, and the response without it. */
export function takeCapacity(response: string): { capacities: readonly Capacity[]; body: string } {
  const { ConsumedCapacity = [], ...rest } = JSON.parse(response) as { ConsumedCapacity?: Capacity | Capacity[] };
  return { capacities: [ConsumedCapacity].flat(), body: JSON.stringify(rest) };
}
