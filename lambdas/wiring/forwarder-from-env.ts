import { IoTDataPlaneClient } from '@aws-sdk/client-iot-data-plane';
import { Forwarder } from '../bridge/forwarder';
import { IotDataPlane } from '../transport/iot-data-plane';
import { bridgeIn } from './bridge';
import { log } from './environment';

/** Attempts at one call, and milliseconds for one: AWS IoT Core that is away for longer is for the queue's redelivery. */
const maxAttempts = 3;
const requestTimeout = 3000;

/** The way to AWS IoT Core. Its endpoint is in a variable that the SDK reads by itself. */
export function forwarderFromEnvironment(environment: NodeJS.ProcessEnv): Forwarder {
  const client = new IoTDataPlaneClient({
    maxAttempts,
    requestHandler: { requestTimeout, throwOnRequestTimeout: true },
  });
  return new Forwarder({
    remote: new IotDataPlane(client),
    broker: bridgeIn(environment).broker,
    now: () => Date.now(),
    log,
  });
}
