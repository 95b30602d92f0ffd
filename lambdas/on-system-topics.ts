import { version } from '../package.json';
import { SystemTopics } from './broker/admin/sys-topics';
import { settingsFromEnvironment } from './settings';
import { systemTopicsPorts } from './wiring/system-topics-ports';

const { sessionCounter, ...ports } = systemTopicsPorts(process.env);
const systemTopics = new SystemTopics(ports, settingsFromEnvironment(process.env), {
  counter: sessionCounter,
  version,
});

/** Runs every `sysTopicsMinutes` minutes and publishes the `$SYS` topics. */
export async function handler(): Promise<void> {
  await systemTopics.publish();
  ports.metrics.write();
}
