import { type Units, zeroUnits } from '../../../cli/pricing/units';
import { type FunctionName, type QueueName, queues } from '../../../lambdas/deployment';
import type { Bill } from '../../../local/bill';

/**
 * Units of the local bill, which excludes logs and data transfer. Also excludes the reads of sweeps: each takes at least
 * half a unit, even for few connections.
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

/** Predicted units, without those that the local bill does not count. */
export function comparable(units: Units): Units {
  return { ...units, bytesOut: 0, metricLines: 0, onSchedule: 0 };
}
