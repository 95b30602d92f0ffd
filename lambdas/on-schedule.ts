import { sweep } from './broker/timekeeper';
import { timekeeperPorts } from './wiring/timekeeper-ports';

const ports = timekeeperPorts(process.env);

/** Runs every minute: connections that fall due soon go to the timer queue. */
export async function handler(): Promise<void> {
  const found = await sweep(ports);
  if (found.due > 0) ports.log('sweep', { ...found });
  ports.metrics.write();
}
