import { isTimeForLeftovers, removeLeftovers } from './broker/admin/leftovers';
import { sweep } from './broker/expiry/sweep';
import { leftoverPorts } from './wiring/leftover-ports';

const ports = leftoverPorts(process.env);

/** Runs every minute and schedules timers for connections whose deadline is near. Once a day it removes leftovers. */
export async function handler(): Promise<void> {
  const isTime = isTimeForLeftovers(ports.now());
  const found = await sweep(ports);
  if (found.due > 0) ports.log('sweep', { ...found });
  if (isTime) await removeLeftovers(ports).catch((error) => ports.log('leftovers failed', { error: String(error) }));
  ports.metrics.write();
}
