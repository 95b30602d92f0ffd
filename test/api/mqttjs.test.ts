import { type EventEmitter, once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectAsync, type MqttClient } from 'mqtt';
import { type Adapter, startAdapter } from '../../clients/adapter';
import type { BrokerApi } from '../../clients/api';
import { type Cloud, startCloud } from '../../local/cloud';
import { apiOf } from './support';

describe.each([4, 5] as const)('MQTT.js at protocol level %i, and a backend', (protocolVersion) => {
  let cloud: Cloud;
  let adapter: Adapter;
  let client: MqttClient;
  let api: BrokerApi;
  beforeAll(async () => {
    cloud = await startCloud();
    api = apiOf(cloud);
    adapter = await startAdapter({ url: cloud.gatewayUrl, listen: { host: '127.0.0.1', port: 0 } });
    client = await connectAsync(`mqtt://127.0.0.1:${adapter.port}`, {
      protocolVersion,
      clientId: 'stock',
      clean: false,
      reconnectPeriod: 50,
      properties: protocolVersion === 5 ? { sessionExpiryInterval: 600 } : undefined,
    });
    await client.subscribeAsync('commands/#', { qos: 2 });
  });
  afterAll(async () => {
    await client.endAsync(true);
    await adapter.close();
    await cloud.stop();
  });

  const next = async () => {
    const [topic, payload] = await once(client as unknown as EventEmitter, 'message');
    return `${topic} ${payload}`;
  };

  it.each([0, 1, 2] as const)('receives a message of the backend at QoS %i', async (qos) => {
    const received = next();
    await api.publish({ topic: 'commands/a', payload: `at ${qos}`, qos });

    expect(await received).toBe(`commands/a at ${qos}`);
  });

  it('publishes a retained message that the backend reads', async () => {
    await client.publishAsync('state/lamp', 'on', { qos: 1, retain: true });

    expect(await api.retainedMessage('state/lamp')).toMatchObject({ text: 'on', qos: 1 });
  });

  it('resumes its session after a disconnect by the backend, unless the session is removed', async () => {
    for (const session of ['keep', 'remove'] as const) {
      await cloud.settled();
      const back = once(client as unknown as EventEmitter, 'connect');
      await api.disconnect('stock', { session });
      const [{ sessionPresent }] = await back;

      expect(sessionPresent).toBe(session === 'keep');
    }
  });
});
