import { IoTDataPlaneClient } from '@aws-sdk/client-iot-data-plane';
import { connectAsync, type MqttClient } from 'mqtt';
import type { Cloud } from '../../local/cloud';

/** What a client of AWS IoT Core hears. */
export interface IotHeard {
  readonly topic: string;
  readonly payload: string;
  readonly qos: number;
  readonly retain: boolean;
}

/** A stock client, MQTT.js, connected to the imitated AWS IoT Core. */
export class IotClient {
  readonly heard: IotHeard[] = [];
  private waiting: (() => void)[] = [];

  private constructor(readonly mqtt: MqttClient) {
    mqtt.on('message', (topic, payload, { qos, retain }) => {
      this.heard.push({ topic, payload: payload.toString(), qos, retain });
      for (const wake of this.waiting.splice(0)) wake();
    });
  }

  static async connect(url: string | undefined): Promise<IotClient> {
    return new IotClient(await connectAsync(url ?? '', { reconnectPeriod: 0 }));
  }

  async subscribe(filter: string): Promise<void> {
    await this.mqtt.subscribeAsync(filter, { qos: 1 });
  }

  /** Everything heard so far, once it is so much. */
  async hear(count: number): Promise<IotHeard[]> {
    while (this.heard.length < count) await new Promise<void>((resolve) => this.waiting.push(resolve));
    return this.heard;
  }

  async end(): Promise<void> {
    await this.mqtt.endAsync(true);
  }
}

/** The SDK's client of the imitated data plane. */
export function dataPlane({ endpoints }: Cloud): IoTDataPlaneClient {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  return new IoTDataPlaneClient({ region: 'us-east-1', endpoint: endpoints.iot, credentials });
}
