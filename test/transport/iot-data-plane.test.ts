import {
  InvalidRequestException,
  IoTDataPlaneServiceException,
  type PublishCommand,
  ThrottlingException,
} from '@aws-sdk/client-iot-data-plane';
import { describe, expect, it } from '@jest/globals';
import type { Message } from '../../lambdas/protocol/effects';
import { IotDataPlane } from '../../lambdas/transport/iot-data-plane';

const message: Message = { topic: 'a', payload: Buffer.from('x'), qos: 2, retain: false };
const now = 1_000_000;

/** Input of Publish for a message. */
async function sent(fields: Partial<Message>) {
  const inputs: object[] = [];
  const send = async ({ input }: PublishCommand) => inputs.push(input);
  await new IotDataPlane({ send } as never).publish({ ...message, ...fields }, now);
  return inputs[0];
}

function answering(error: Error): IotDataPlane {
  return new IotDataPlane({ send: () => Promise.reject(error) } as never);
}

const metadata = (httpStatusCode: number) => ({ message: 'why', $metadata: { httpStatusCode } });

describe('a message for AWS IoT Core', () => {
  it('has QoS 1 at most, and only properties of the message', async () => {
    expect(await sent({})).toEqual({ topic: 'a', payload: Buffer.from('x'), qos: 1 });
    expect(await sent({ qos: 0, retain: true })).toEqual({
      topic: 'a',
      payload: Buffer.from('x'),
      qos: 0,
      retain: true,
    });
  });

  it('has the properties of MQTT 5.0, binary ones in base64', async () => {
    const properties = {
      payloadFormatIndicator: true,
      contentType: 'text/plain',
      responseTopic: 'r',
      correlationData: Buffer.from([1, 2]),
      userProperties: [
        ['a', '1'],
        ['a', '2'],
      ],
    } as const;

    expect(await sent({ properties })).toMatchObject({
      payloadFormatIndicator: 'UTF8_DATA',
      contentType: 'text/plain',
      responseTopic: 'r',
      correlationData: 'AQI=',
      userProperties: '[{"a":"1"},{"a":"2"}]',
    });
    expect(await sent({ properties: { payloadFormatIndicator: false } })).toMatchObject({
      payloadFormatIndicator: 'UNSPECIFIED_BYTES',
    });
  });

  it('expires after its remaining time, a week at most', async () => {
    expect(await sent({ expiresAt: now + 1500 })).toMatchObject({ messageExpiry: 2 });
    expect(await sent({ expiresAt: now + 1e12 })).toMatchObject({ messageExpiry: 604_800 });
  });
});

describe('a response of AWS IoT Core', () => {
  it.each([
    ['InvalidRequestException', new InvalidRequestException(metadata(400))],
    [
      'RequestHeaderFieldsTooLarge',
      new IoTDataPlaneServiceException({ ...metadata(431), name: 'RequestHeaderFieldsTooLarge', $fault: 'client' }),
    ],
  ])('%s is for good', async (name, error) => {
    expect(await answering(error).publish(message, now)).toEqual({ refused: `${name}: why` });
  });

  it.each([
    ['throttling', new ThrottlingException(metadata(429))],
    [
      'a lack of permission',
      new IoTDataPlaneServiceException({ ...metadata(403), name: 'ForbiddenException', $fault: 'client' }),
    ],
    ['silence', new Error('socket hang up')],
  ])('%s is for another attempt', async (_name, error) => {
    await expect(answering(error).publish(message, now)).rejects.toThrow(error);
  });
});
