import { IoTDataPlaneClient } from '@aws-sdk/client-iot-data-plane';
import { Forwarder } from '../bridge/forwarder';
import { IotDataPlane } from '../transport/iot-data-plane';
import { bridgeIn } from './bridge';
import { log } from './environment';

/** Attempts at a call, and milliseconds for each. A longer outage of AWS IoT Core is left to the queue's redelivery. */
const maxAttempts = 3;
const requestTimeout = 3000;

/**
 * Publishes to AWS IoT Core what the bridge forwards. It uses the SDK's client whatever `awsClients` is, because no client of
 * the broker waits for this function. The SDK reads the endpoint from a variable.
 */
export function forwarderFromEnvironment(environment: NodeJS.ProcessEnv): Forwarder {
  const requestHandler = { requestTimeout, throwOnRequestTimeout: true };
  const client = new IoTDataPlaneClient({ maxAttempts, requestHandler });
  return new Forwarder(new IotDataPlane(client), bridgeIn(environment).broker, () => Date.now(), log);
}
