import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import mqtt, { type Packet } from 'mqtt-packet';
import type { ConnectionEvent } from '../../lambdas/broker/model/connection-event';
import type { Ports } from '../../lambdas/broker/ports/ports';
import { Broker } from '../../lambdas/broker/turn/broker';
import { settingsFromEnvironment } from '../../lambdas/settings';
import { portsBeside } from '../support/ports-beside';
import { TestBroker } from '../support/test-broker';
import { publishPacket, type TextClient } from '../support/text-client';

const settings = settingsFromEnvironment({});

describe('an invocation whose time is nearly over', () => {
  let broker: TestBroker;
  /** Ports of an additional container, to which the test sends its events. */
  let ports: Ports;
  let slow: TextClient;
  let slowId: string;
  /** Remaining milliseconds of the invocation. */
  let left: number;
  let calls: string[];
  /** Called when the time is used up. */
  let othersAreDone: Promise<unknown>;

  beforeEach(async () => {
    broker = await TestBroker.start({ settings });
    broker.cloud.clock.hold();
    ports = portsBeside(broker.cloud, settings);
    slow = await broker.connect('slow');
    slowId = broker.cloud.connections().at(-1) ?? '';
    await broker.cloud.settled();
    left = 20_000;
    calls = [];
    othersAreDone = Promise.resolve();
  });

  afterEach(() => broker.stop());

  /** Creates a container in which storing a QoS 2 message for `slow` uses up the remaining time. */
  function container(): Broker {
    const inflight = Object.create(ports.inflight) as Ports['inflight'];
    inflight.hold = async (...parts) => {
      await othersAreDone;
      left = 5_000;
      return ports.inflight.hold(...parts);
    };
    const connectionStore = Object.create(ports.connectionStore) as Ports['connectionStore'];
    connectionStore.commit = async (record, before) => {
      await ports.connectionStore.commit(record, before);
      calls.push(`commit ${record.clientId}`);
    };
    return new Broker({ ...ports, inflight, connectionStore }, settings);
  }

  const receive = (events: readonly ConnectionEvent[]) => container().receive(events, () => left);

  const frame = (connectionId: string, packet: Packet, redelivered = false): ConnectionEvent => ({
    ...{ id: `event of ${connectionId}`, connectionId, kind: 'message', connectedAt: 0, receivedAt: Date.now() },
    ...{ text: `2.${mqtt.generate(packet).toString('base64')}`, address: '', redelivered, exhausted: false },
  });

  const endless = publishPacket('said', 'slowly', { qos: 2, messageId: 1 });

  it('returns unfinished events to the queue and makes no further call for them', async () => {
    const other = await broker.connect('other');
    const [, otherId = ''] = broker.cloud.connections();
    await other.subscribe(1, 'a');
    await broker.cloud.settled();
    const message = publishPacket('a', 'from another', { qos: 0 });
    const isDone = async () => {
      while (!calls.includes('commit other')) await sleep(2);
    };
    othersAreDone = isDone();
    const ofOther = {
      ...frame(otherId, message),
      text: `3.${mqtt.generate(message).toString('base64')}`,
    } as ConnectionEvent;

    expect(await receive([frame(slowId, endless), ofOther])).toEqual([`event of ${slowId}`]);
    expect(calls).not.toContain('commit slow');
  });

  it('closes a connection whose turn uses up the time again', async () => {
    expect(await receive([frame(slowId, endless, true)])).toEqual([]);
    await slow.closed();
    await broker.cloud.settled();

    expect(await broker.rows()).toEqual([]);
  });

  it('returns a redelivered event to the queue if there is no time to handle it alone', async () => {
    const other = await broker.connect('other');
    const [, otherId = ''] = broker.cloud.connections();
    await broker.cloud.settled();

    expect(await receive([frame(slowId, endless), frame(otherId, { cmd: 'pingreq' }, true)])).toEqual([
      `event of ${slowId}`,
      `event of ${otherId}`,
    ]);
    expect(other.closeCode).toBeUndefined();
  });
});
