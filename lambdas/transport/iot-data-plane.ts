import {
  type IoTDataPlaneClient,
  IoTDataPlaneServiceException,
  PublishCommand,
  type PublishCommandInput,
} from '@aws-sdk/client-iot-data-plane';
import type { RemoteBroker } from '../bridge/forwarder';
import { iotLimits } from '../bridge/iot-limits';
import type { ForwardedProperties, Message } from '../protocol/effects';

/** Publishes messages to AWS IoT Core over HTTP. */
export class IotDataPlane implements RemoteBroker {
  constructor(private readonly client: Pick<IoTDataPlaneClient, 'send'>) {}

  async publish(message: Message, now: number): Promise<'published' | { readonly refused: string }> {
    try {
      await this.client.send(new PublishCommand(inputOf(message, now)));
      return 'published';
    } catch (error) {
      if (isRefusal(error)) return { refused: `${error.name}: ${error.message}` };
      throw error;
    }
  }
}

/** True if the message is the cause: malformed, or with properties that are too large for the headers of a request. */
function isRefusal(error: unknown): error is IoTDataPlaneServiceException {
  if (!(error instanceof IoTDataPlaneServiceException)) return false;
  const status = error.$metadata.httpStatusCode ?? 0;
  return error.name === 'InvalidRequestException' || [413, 414, 431].includes(status);
}

function inputOf(message: Message, now: number): PublishCommandInput {
  const { topic, payload, qos, retain, expiresAt, properties } = message;
  const secondsLeft = expiresAt === undefined ? undefined : Math.max(1, Math.ceil((expiresAt - now) / 1000));
  return {
    topic,
    payload,
    qos: Math.min(qos, 1), // AWS IoT Core has no QoS 2
    ...(retain && { retain }),
    ...(secondsLeft !== undefined && { messageExpiry: Math.min(secondsLeft, iotLimits.expirySeconds) }),
    ...(properties && propertiesOf(properties)),
  };
}

function propertiesOf(properties: ForwardedProperties): Partial<PublishCommandInput> {
  const { payloadFormatIndicator, contentType, responseTopic, correlationData, userProperties } = properties;
  return {
    ...(payloadFormatIndicator !== undefined && {
      payloadFormatIndicator: payloadFormatIndicator ? 'UTF8_DATA' : 'UNSPECIFIED_BYTES',
    }),
    ...(contentType !== undefined && { contentType }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(correlationData !== undefined && { correlationData: correlationData.toString('base64') }),
    ...(userProperties && {
      userProperties: JSON.stringify(userProperties.map(([name, value]) => ({ [name]: value }))),
    }),
  };
}
