import { Forwarder } from '../bridge/forwarder';
import { IotDataPlane } from '../transport/iot-data-plane';
import { bridgeIn } from './bridge';
import { iotDataPlaneFor } from './clients';
import { log } from './environment';

/** Publishes to AWS IoT Core what the bridge forwards. */
export function forwarderFromEnvironment(environment: NodeJS.ProcessEnv): Forwarder {
  return new Forwarder(new IotDataPlane(iotDataPlaneFor()), bridgeIn(environment).broker, () => Date.now(), log);
}
