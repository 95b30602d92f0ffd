import { randomBytes } from 'node:crypto';
import { MAX_FRAME_BYTES, MAX_PACKET_BYTES } from '../../clients/wire';
import { describeEnd, encodePacket } from './probe-socket';
import { formatDuration, type Step } from './step';
import type { StepContext } from './step-context';
import { StepFailed } from './step-errors';

/** Steps that check the limit of the packet size, see docs/wire-format.md. */
export const packetSizeSteps: readonly Step[] = [
  { name: 'packet-32k', title: 'a packet of 32 KB passes', needs: ['login'], check: checkPacketOfSize(32 * 1024) },
  {
    name: 'packet-96k',
    title: 'a packet of 95 KB passes',
    needs: ['login'],
    check: checkPacketOfSize(MAX_PACKET_BYTES),
  },
  { name: 'packet-over', title: 'a larger packet ends the connection', needs: ['login'], check: sendTooLarge },
];

/** Creates a PUBLISH of this size in bytes, header included. */
function publishOfSize(topic: string, bytes: number) {
  const publish = { cmd: 'publish', topic, qos: 1, messageId: 1, dup: false, retain: false } as const;
  const longHeader = 2; // The Remaining Length has three bytes here, and one byte for an empty payload.
  const overhead = encodePacket({ ...publish, payload: '' }).length + longHeader;
  return { ...publish, payload: randomBytes(bytes - overhead) };
}

function checkPacketOfSize(bytes: number) {
  return async (context: StepContext): Promise<string> => {
    const client = await context.client();
    const topic = context.topic(`packet-${bytes}`);
    await client.subscribe(topic);
    const { payload } = publishOfSize(topic, bytes);
    const start = performance.now();
    client.publish(topic, payload, { qos: 1 });
    await client.acknowledged();
    const message = await client.message(topic);
    if (!payload.equals(Buffer.from(message.payload))) {
      throw new StepFailed(`sent ${payload.length} bytes, but received ${message.payload.length} bytes that differ`);
    }
    return `round trip in ${formatDuration(performance.now() - start)}`;
  };
}

/** Sends the slices of a packet that is too large. `FrameWriter` of the clients would refuse it. */
async function sendTooLarge(context: StepContext): Promise<string> {
  const { socket, connack } = await context.connect('over');
  const announced = connack.properties?.maximumPacketSize;
  const bytes = encodePacket(publishOfSize(context.topic('over'), MAX_PACKET_BYTES + 1));
  for (let at = 0, number = 2; at < bytes.length; at += MAX_FRAME_BYTES, number++) {
    socket.sendText(`${number}.${bytes.subarray(at, at + MAX_FRAME_BYTES).toString('base64')}`);
  }
  const end = await socket.waitForEnd();
  socket.terminate();
  if (!end)
    throw new StepFailed(`a packet of ${bytes.length} bytes did not end the connection within ${socket.timeout}`);
  if (announced !== MAX_PACKET_BYTES) {
    throw new StepFailed(`Maximum Packet Size ${announced ?? 'is missing'} in CONNACK instead of ${MAX_PACKET_BYTES}`);
  }
  return `the connection ${describeEnd(end)}`;
}
