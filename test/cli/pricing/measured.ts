import { type Units, zeroUnits } from '../../../cli/pricing/units';
import { type FunctionName, type QueueName, queues } from '../../../lambdas/deployment';
import type { Bill } from '../../../local/bill';

/**
 * What the local bill counted, except for logs and data transfer, which it knows nothing of. Nor are there the reads of the
 * looks at all connections: half a unit is the least, however few there are.
 */
export function measured({ gateway, sqs, lambda, dynamodb }: Bill): Units {
  const looks = dynamodb.tables.connections?.Scan?.reads ?? 0;
  const requests = (fifo: boolean) =>
    (Object.keys(queues) as QueueName[])
      .filter((name) => queues[name].fifo === fifo)
      .map((name) => sqs.queues[name])
      .reduce((sum, { send, receive, delete: deleted }) => sum + send + receive + deleted, 0);
  const invocations = (name: FunctionName & keyof Units) => lambda.functions[name].invocations;
  return {
    ...zeroUnits,
    messagesIn: gateway.messagesIn,
    messagesOut: gateway.messagesOut,
    connectionMinutes: gateway.connectionMinutes,
    fifoRequests: requests(true),
    standardRequests: requests(false),
    onConnect: invocations('onConnect'),
    onPackets: invocations('onPackets'),
    onTimer: invocations('onTimer'),
    reads: dynamodb.reads - looks,
    writes: dynamodb.writes,
  };
}

/** The same of what was predicted: without what the local bill does not count. */
export function comparable(units: Units): Units {
  return { ...units, bytesOut: 0, metricLines: 0, onSchedule: 0 };
}
