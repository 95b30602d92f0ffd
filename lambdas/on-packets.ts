import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { Broker } from './broker/turn/broker';
import { settingsFromEnvironment } from './settings';
import { toConnectionEvent } from './transport/gateway-event';
import { portsFromEnvironment } from './wiring/ports-from-env';

const ports = portsFromEnvironment(process.env);
const broker = new Broker(ports, settingsFromEnvironment(process.env));

/** Consumes the packet queue. If an event fails, the later ones of its connection fail too, and SQS delivers all again in order. */
export async function handler(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  const failed = await broker.receive(event.Records.map(toConnectionEvent), () => context.getRemainingTimeInMillis());
  ports.metrics.write();
  return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
}
