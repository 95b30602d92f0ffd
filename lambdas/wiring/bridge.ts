import type { Sqs } from '../aws/sqs';
import type { Bridge } from '../bridge/bridge-config';
import { unpackBridge } from '../bridge/read-bridge';
import type { BridgeQueue } from '../broker/ports/queues';
import { bridgeVariable, queues } from '../deployment';
import { SqsBridgeQueue } from '../transport/bridge-queue';

/** The bridge's configuration. @throws Error if the function has none. */
export function bridgeIn(environment: NodeJS.ProcessEnv): Bridge {
  const packed = environment[bridgeVariable];
  if (packed === undefined) throw new Error(`no ${bridgeVariable}`);
  return unpackBridge(packed);
}

/** The queue to AWS IoT Core, or nothing if there is no bridge or the function has no grant to send to it. */
export function bridgeQueueFor(environment: NodeJS.ProcessEnv, sqs: Sqs): { bridge?: BridgeQueue } {
  const url = environment[queues.bridge.variable];
  if (url === undefined || environment[bridgeVariable] === undefined) return {};
  return { bridge: new SqsBridgeQueue(sqs, url, bridgeIn(environment).entries) };
}
