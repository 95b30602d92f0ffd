import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import type { BrokerApi } from '../../clients/api';
import { operations } from '../../lambdas/api/operations';
import type { MessageJson } from '../../lambdas/api/schemas';
import { Broker5 } from '../support/broker5';
import { apiOf } from './support';

function responseSchema<Name extends Exclude<keyof typeof operations, 'deleteRetained'>>(name: Name) {
  return operations[name].response.schema;
}

describe('a response of the API', () => {
  let broker: Broker5;
  let api: BrokerApi;
  beforeAll(async () => {
    broker = await Broker5.start();
    api = apiOf(broker.cloud);
    const client = await broker.resume('lamp-7');
    await client.subscribe('$share/all/a/#');
    const message: MessageJson & { payload?: never } = {
      topic: 'kept',
      qos: 1,
      retain: true,
      payloadFormatIndicator: true,
      messageExpiryInterval: 3600,
      contentType: 'text/plain',
      responseTopic: 'answers',
      userProperties: [{ name: 'a', value: '1' }],
    };
    await api.publish({ ...message, payload: 'x', correlationData: Buffer.from('7') });
  });
  afterAll(() => broker.stop());

  it.each<[Parameters<typeof responseSchema>[0], () => Promise<unknown>]>([
    ['publish', () => api.publish({ topic: 'a', payload: 'x' })],
    ['publish', async () => ({ results: await api.publishAll([{ topic: 'a' }, { topic: 'a/#' }]) })],
    ['sendToClient', () => api.sendToClient('lamp-7', { topic: 'a' })],
    ['listClients', () => api.clientPage({ limit: 1 })],
    ['showClient', () => api.client('lamp-7')],
    ['listRetained', () => api.retainedPage()],
    ['showRetained', () => api.retainedMessage('kept')],
    ['disconnectClient', () => api.disconnect('lamp-7')],
  ])('conforms to its schema: %s', async (name, request) => {
    const response = await request();

    expect(v.parse(responseSchema(name), response)).toEqual(response);
  });
});
