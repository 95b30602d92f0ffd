import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { createWebsocket } from '../clients/mqttjs';
import type { BenchClient, Target } from './load-client';

/** MQTT.js, as most users run it; `LoadClient` is the minimal client. */
export class MqttJsClient implements BenchClient {
  onMessage: () => void = () => undefined;

  private constructor(private readonly client: MqttClient) {
    client.on('message', () => this.onMessage());
  }

  static async connect(target: Target, clientId: string): Promise<MqttJsClient> {
    const options: IClientOptions = { clientId, protocolVersion: 4, keepalive: 60, reconnectPeriod: 0 };
    const text = target.transport === 'text' && {
      createWebsocket: createWebsocket as IClientOptions['createWebsocket'],
    };
    const url = target.transport === 'tcp' ? `mqtt://127.0.0.1:${target.port}` : target.url;
    return new MqttJsClient(await connectAsync(url, { ...options, ...text }));
  }

  async subscribe(topic: string, qos: 0 | 1 | 2): Promise<void> {
    await this.client.subscribeAsync(topic, { qos });
  }

  publish(topic: string, payload: Buffer, qos: 0 | 1 | 2): void {
    this.client.publish(topic, payload, { qos });
  }

  end(): void {
    this.client.end();
  }
}
