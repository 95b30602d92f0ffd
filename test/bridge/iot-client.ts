import { IoTDataPlaneClient } from '@aws-sdk/client-iot-data-plane';
import { connectAsync, type MqttClient } from 'mqtt';
import type { Cloud } from '../../local/cloud';

/** A message that a client of AWS IoT Core received. */
export interface IotMessage {
  readonly topic: string;
  readonly payload: string;
  readonly qos: number;
  readonly retain: boolean;
}

/** MQTT.js, connected to the imitated AWS IoT Core. */
export class IotClient {
  readonly received: IotMessage[] = [];
  private waiting: (() => void)[] = [];

  private constructor(readonly mqtt: MqttClient) {
    mqtt.on('message', (topic, payload, { qos, retain }) => {
      this.received.push({ topic, payload: payload.toString(), qos, retain });
      for (const wake of this.waiting.splice(0)) wake();
    });
  }

  static async connect(url: string | undefined): Promise<IotClient> {
    return new IotClient(await connectAsync(url ?? '', { reconnectPeriod: 0 }));
  }

  async subscribe(filter: string): Promise<void> {
    await this.mqtt.subscribeAsync(filter, { qos: 1 });
  }

  /** Waits for so many messages, and returns all that were received. */
  async receive(count: number): Promise<IotMessage[]> {
    while (this.received.length < count) await new Promise<void>((resolve) => this.waiting.push(resolve));
    return this.received;
  }

  async end(): Promise<void> {
    await this.mqtt.endAsync(true);
  }
}

/** Client of the SDK for the imitated data plane. */
export function dataPlane({ endpoints }: Cloud): IoTDataPlaneClient {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  return new IoTDataPlaneClient({ region: 'us-east-1', endpoint: endpoints.iot, credentials });
}
