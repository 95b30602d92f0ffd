import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Broker5 } from '../../support/broker5';
import { clause } from '../../support/clause';

describe('request and response', () => {
  let broker: Broker5;

  beforeAll(async () => {
    broker = await Broker5.start();
  });

  afterAll(() => broker.stop());

  async function responseInformation(clientId: string, requestResponseInformation?: boolean) {
    const properties = requestResponseInformation === undefined ? {} : { requestResponseInformation };
    return (await broker.connect(clientId, { properties })).connack?.properties?.responseInformation;
  }

  clause('MQTT-3.1.2-28', 'has Response Information only on request', async () => {
    expect(await responseInformation('a')).toBeUndefined();
    expect(await responseInformation('a', false)).toBeUndefined();
    expect(await responseInformation('a', true)).toEqual(expect.stringMatching(/./));
  });

  it('has Response Information that is specific to a client and constant', async () => {
    const a = await responseInformation('a', true);

    expect(await responseInformation('a', true)).toBe(a);
    expect(await responseInformation('b', true)).not.toBe(a);
  });

  it('has Response Information for a client without an id of its own', async () => {
    const one = await responseInformation('', true);

    expect(one).toEqual(expect.stringMatching(/./));
    expect(await responseInformation('', true)).not.toBe(one);
  });

  clause(['MQTT-3.3.2-15', 'MQTT-3.3.2-16'], 'lets a requester get the response to its own request', async () => {
    const responder = await broker.connect('responder');
    await responder.subscribe('sum');
    const requester = await broker.connect('requester', { properties: { requestResponseInformation: true } });
    const answers = `${requester.connack?.properties?.responseInformation}/sums`;
    expect(await requester.subscribe(answers)).toEqual([2]);
    const correlationData = Buffer.from([7, 0, 255]);
    await requester.publish('sum', '1+2', { qos: 1, properties: { responseTopic: answers, correlationData } });
    const { responseTopic = '', correlationData: given } = (await responder.hear()).properties;
    await responder.publish(responseTopic, '3', { qos: 1, properties: { correlationData: given } });

    expect(await requester.hear()).toMatchObject({ topic: answers, text: '3', properties: { correlationData } });
  });
});
