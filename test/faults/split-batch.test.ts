import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import type { ConnectionEvent } from '../../lambdas/broker/model/connection-event';
import type { Ports } from '../../lambdas/broker/ports/ports';
import { Broker } from '../../lambdas/broker/turn/broker';
import { settingsFromEnvironment } from '../../lambdas/settings';
import { clause } from '../support/clause';
import { portsBeside } from '../support/ports-beside';
import { TestBroker } from '../support/test-broker';
import { publishPacket } from '../support/text-client';

const settings = settingsFromEnvironment({});
const pingreq = Buffer.from([0xc0, 0]).toString('base64');

function isPublish(bytes: Buffer): boolean {
  return (bytes[0] ?? 0) >> 4 === 3;
}

describe('events of one batch whose worker dies', () => {
  let broker: TestBroker;
  /** Ports of an additional container, to which the test sends its events. */
  let ports: Ports;

  beforeEach(async () => {
    broker = await TestBroker.start({ settings });
    broker.cloud.clock.hold();
    ports = portsBeside(broker.cloud, settings);
  });

  afterEach(() => broker.stop());

  /** Creates a container that dies when it posts a message. */
  function dying(): Broker {
    const post = (connectionId: string, bytes: Buffer) =>
      isPublish(bytes) ? Promise.reject(new Error('the worker died')) : ports.connections.post(connectionId, bytes);
    const close = (connectionId: string) => ports.connections.close(connectionId);
    const now = () => ports.now() + 2000; // past the due time of the lost timer
    return new Broker(
      { ...ports, now, connections: { post, postWithRetries: post, close }, log: () => undefined },
      settings,
    );
  }

  clause('v3 MQTT-4.6.0-6', 'leave no claimed message behind when they come again one by one', async () => {
    const subscriber = await broker.resume('subscriber');
    await subscriber.subscribe(1, 'said');
    const [connectionId = ''] = broker.cloud.connections();
    const publisher = await broker.connect('publisher');
    await broker.cloud.faults.set({
      fault: 'call',
      outcome: 'throttle',
      operation: 'PostToConnection',
      times: 1,
    });
    await publisher.publish('said', 'first', { qos: 1 }); // waits for a timer that is lost
    const origin = { connectionId, receivedAt: Date.now(), exhausted: false };
    const events = (redelivered: boolean): ConnectionEvent[] => [
      { ...origin, id: 'frame', kind: 'message', text: `3.${pingreq}`, connectedAt: 0, address: '', redelivered },
      { ...origin, id: 'wake', kind: 'wake', redelivered },
    ];
    expect(await dying().receive(events(false))).toEqual(['frame', 'wake']);
    for (const event of events(true)) expect(await new Broker(ports, settings).receive([event])).toEqual([]);
    publisher.send(publishPacket('said', 'second', { qos: 1, messageId: 2 }));

    expect((await subscriber.hear()).text).toBe('first');
    expect((await subscriber.hear()).text).toBe('second');
  });
});
