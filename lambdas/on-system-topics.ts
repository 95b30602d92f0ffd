import { version } from '../package.json';
import { SystemTopics } from './broker/admin/sys-topics';
import { settingsFromEnvironment } from './settings';
import { systemTopicsPorts } from './wiring/system-topics-ports';

const { census, ...ports } = systemTopicsPorts(process.env);
const systemTopics = new SystemTopics(ports, settingsFromEnvironment(process.env), { counter: census, version });

/** Runs every `sysTopicsMinutes`: who has subscribed to `$SYS` topics is told. */
export async function handler(): Promise<void> {
  await systemTopics.publish();
  ports.metrics.write();
}
