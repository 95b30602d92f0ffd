import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import mqtt from 'mqtt-packet';
import type { ConnectionEvent } from '../../lambdas/broker/model/connection-event';
import type { Ports } from '../../lambdas/broker/ports/ports';
import { Broker } from '../../lambdas/broker/turn/broker';
import { functions } from '../../lambdas/deployment';
import { settingsFromEnvironment } from '../../lambdas/settings';
import { clause } from '../support/clause';
import { portsBeside } from '../support/ports-beside';
import { TestBroker } from '../support/test-broker';
import { publishPacket } from '../support/text-client';

const settings = { ...settingsFromEnvironment({}), connectTimeout: 60 };
const visibilitySeconds = 120;

describe('a turn that goes on while its connection is superseded', () => {
  let broker: TestBroker;
  let ports: Ports;

  beforeEach(async () => {
    broker = await TestBroker.start({ visibilitySeconds, settings });
    broker.cloud.clock.hold();
    ports = portsBeside(broker.cloud, settings);
  });
  afterEach(() => broker.stop());

  const publisher = () => broker.resume('publisher', { keepalive: 0 });

  clause('v3 MQTT-4.3.3-2', 'holds no message that has been routed since', async () => {
    const subscriber = await broker.resume('subscriber', { keepalive: 0 });
    await subscriber.subscribe(2, 'said');
    const before = await publisher();
    const connectionId = broker.cloud.connections().at(-1) ?? '';
    await broker.cloud.settled();
    // The local cloud assumes that the worker is dead, but it is slow and performs the held write later.
    await broker.cloud.faults.set({
      fault: 'call',
      outcome: 'kill',
      function: 'onPackets',
      operation: 'BatchWriteItem',
      table: 'inflight',
      times: 1,
    });
    const packet = publishPacket('said', 'once', { qos: 2, messageId: 9 });
    before.send(packet);
    await broker.struck();
    await broker.cloud.faults.clear();
    let write: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      write = resolve;
    });
    const inflight = Object.create(ports.inflight) as Ports['inflight'];
    inflight.hold = async (...parts) => {
      await held;
      return ports.inflight.hold(...parts);
    };
    const text = `2.${mqtt.generate(packet).toString('base64')}`;
    const event: ConnectionEvent = {
      id: 'slow',
      connectionId,
      kind: 'message',
      text,
      connectedAt: 0,
      receivedAt: Date.now(),
      address: '',
      redelivered: false,
      exhausted: false,
    };
    const slow = new Broker({ ...ports, inflight }, settings).receive([event]);

    const opening = publisher();
    for (let seconds = 1; (await Promise.race([opening, sleep(20)])) === undefined; seconds++) {
      broker.cloud.clock.jump(1000);
      if (seconds === functions.onPackets.timeoutSeconds) write(); // the maximum duration of a turn
    }
    const after = await opening;
    after.send({ ...packet, dup: true });
    await after.next('pubrec');
    after.send({ cmd: 'pubrel', messageId: 9 });
    await after.next('pubcomp');
    write();
    await slow;
    broker.cloud.clock.jump(visibilitySeconds * 1000);
    await broker.lose(after);
    const last = await publisher();
    last.send({ cmd: 'pubrel', messageId: 9 });
    await last.next('pubcomp');

    expect((await broker.heardBy(subscriber)).map(({ text: said }) => said)).toEqual(['once']);
  });
});
