import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { BrokerEvent } from '../../lambdas/broker/ports/events';
import { noMetrics } from '../../lambdas/broker/ports/metrics';
import { brokerVariable, eventsVariable } from '../../lambdas/deployment';
import { asciiJson } from '../../lambdas/protocol/ascii-json';
import { eventBusFor } from '../../lambdas/wiring/event-bus';

interface Received {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly target: unknown;
  readonly contentType: unknown;
  readonly signedFor: string | undefined;
  readonly body: unknown;
}

/** An imitation of EventBridge that keeps the requests. */
let server: Server;
let endpoint: string;
const received: Received[] = [];

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const { method, url, headers } = request;
    const body = JSON.parse((await buffer(request)).toString());
    const [, signedFor] = /Credential=test\/\d{8}\/([^,]*)/.exec(headers.authorization ?? '') ?? [];
    const [target, contentType] = [headers['x-amz-target'], headers['content-type']];
    received.push({ method, url, target, contentType, signedFor, body });
    const Entries = body.Entries.map(() => ({ EventId: 'id' }));
    response.end(JSON.stringify({ FailedEntryCount: 0, Entries }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const event: BrokerEvent = {
  type: 'message',
  id: '7',
  at: 1_800_000_000_123,
  detail: { topic: 'a/b', payload: 'müller \u2028 "' },
};

describe('PutEvents', () => {
  it("goes over the wire as the SDK's own client sends it", async () => {
    const bus = eventBusFor(
      {
        [eventsVariable]: JSON.stringify({ bus: 'garage', lifecycle: true, messages: ['#'] }),
        [brokerVariable]: 'broker',
        AWS_REGION: 'us-east-1',
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'test',
        AWS_ENDPOINT_URL_EVENTBRIDGE: endpoint,
      },
      noMetrics,
    );
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const sdk = new EventBridgeClient({ endpoint, region: 'us-east-1', credentials });
    const Detail = asciiJson({ broker: 'broker', id: '7', ...event.detail });
    const entry = { EventBusName: 'garage', Source: 'cirrus-mqtt', DetailType: 'MQTT Message', Detail };

    expect(await bus?.put([event])).toEqual([]);
    await sdk.send(new PutEventsCommand({ Entries: [{ ...entry, Time: new Date(event.at) }] }));
    sdk.destroy();

    const [ours, theirs] = received;
    expect(theirs).toMatchObject({ target: 'AWSEvents.PutEvents', signedFor: 'us-east-1/events/aws4_request' });
    expect(ours).toEqual(theirs);
  });
});
