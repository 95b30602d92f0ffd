import type { MqttClient } from 'mqtt';

/** The payloads of the next messages of a client. */
export function messagesOf(client: MqttClient, count: number): Promise<Buffer[]> {
  const payloads: Buffer[] = [];
  return new Promise((resolve) => {
    client.on('message', (_topic, payload) => {
      if (payloads.push(payload) === count) resolve(payloads);
    });
  });
}
