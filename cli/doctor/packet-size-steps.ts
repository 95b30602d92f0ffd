import { randomBytes } from 'node:crypto';
import { MAX_FRAME_BYTES, MAX_PACKET_BYTES } from '../../clients/wire';
import { bytesOf, describeEnd } from './probe-socket';
import { milliseconds, type Step } from './step';
import type { Examination } from './step-context';
import { Finding } from './step-errors';

/** Whether large packets pass, and too large ones do not: docs/wire-format.md. */
export const sizeSteps: readonly Step[] = [
  { name: 'packet-32k', title: 'a packet of 32 KB passes', needs: ['login'], examine: passing(32 * 1024) },
  { name: 'packet-96k', title: 'a packet of 95 KB passes', needs: ['login'], examine: passing(MAX_PACKET_BYTES) },
  { name: 'packet-over', title: 'a larger packet ends the connection', needs: ['login'], examine: sendTooLarge },
];

/** A PUBLISH that fills so many bytes, header included. */
function packetOf(topic: string, bytes: number) {
  const publish = { cmd: 'publish', topic, qos: 1, messageId: 1, dup: false, retain: false } as const;
  const longHeader = 2; // Its remaining length has three bytes, that of an empty payload has one.
  const overhead = bytesOf({ ...publish, payload: '' }).length + longHeader;
  return { ...publish, payload: randomBytes(bytes - overhead) };
}

function passing(bytes: number) {
  return async (examination: Examination): Promise<string> => {
    const client = await examination.client();
    const topic = examination.topic(`packet-${bytes}`);
    await client.subscribe(topic);
    const { payload } = packetOf(topic, bytes);
    const start = performance.now();
    client.publish(topic, payload, 1);
    await client.acknowledged();
    const message = await client.message(topic);
    if (!payload.equals(Buffer.from(message.payload))) {
      throw new Finding(`${payload.length} bytes were sent, and ${message.payload.length} others came back`);
    }
    return `there and back in ${milliseconds(performance.now() - start)}`;
  };
}

/** In slices by hand, since the writer of the clients refuses it. */
async function sendTooLarge(examination: Examination): Promise<string> {
  const { socket, connack } = await examination.connect('over');
  const announced = connack.properties?.maximumPacketSize;
  const bytes = bytesOf(packetOf(examination.topic('over'), MAX_PACKET_BYTES + 1));
  for (let at = 0, number = 2; at < bytes.length; at += MAX_FRAME_BYTES, number++) {
    socket.sendText(`${number}.${bytes.subarray(at, at + MAX_FRAME_BYTES).toString('base64')}`);
  }
  const end = await socket.untilEnd();
  socket.cut();
  if (!end) throw new Finding(`a packet of ${bytes.length} bytes did not end the connection within ${socket.patience}`);
  if (announced !== MAX_PACKET_BYTES) {
    throw new Finding(`Maximum Packet Size ${announced ?? 'nowhere'} is announced instead of ${MAX_PACKET_BYTES}`);
  }
  return `the connection ${describeEnd(end)}`;
}
