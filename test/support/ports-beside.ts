import type { Ports } from '../../lambdas/broker/ports/ports';
import { functions } from '../../lambdas/deployment';
import type { Settings } from '../../lambdas/settings';
import { portsFromEnvironment } from '../../lambdas/wiring/ports-from-env';
import type { Cloud } from '../../local/cloud';
import { credentialsOf, environmentOf } from '../../local/lambda/environment';

/** Creates the ports of an additional container of `onPackets`. The test sends it its events. */
export function portsBeside({ endpoints, access }: Cloud, settings: Settings): Ports {
  const surroundings = { endpoints, settings, access, bridge: undefined, events: undefined };
  const environment = environmentOf('onPackets', functions.onPackets, surroundings);
  return portsFromEnvironment({ ...environment, ...credentialsOf('onPackets', 1) });
}
