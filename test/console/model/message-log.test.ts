import { describe, expect, it } from '@jest/globals';
import { FilteredLog, type Message, MessageLog } from '../../../console/model/message-log';

const heard = (topic: string, payload: string | Uint8Array = 'x'): Omit<Message, 'number'> => ({
  receivedAt: 0,
  topic,
  payload: typeof payload === 'string' ? new TextEncoder().encode(payload) : payload,
  qos: 0,
  retain: false,
  dup: false,
  properties: {},
  colour: 0,
});

const topicsOf = (messages: readonly Message[]) => messages.map(({ topic }) => topic);

describe('the message log', () => {
  it('keeps the newest messages up to its limit', () => {
    const log = new MessageLog({ messages: 2, bytes: 100 });

    for (const topic of ['a', 'b', 'c']) log.add(heard(topic));

    expect(topicsOf(log.messages)).toEqual(['b', 'c']);
    expect(log.total).toBe(3);
  });

  it('keeps the newest messages up to its limit in bytes, or none', () => {
    const log = new MessageLog({ messages: 100, bytes: 12 });

    log.add(heard('a', '1234'));
    log.add(heard('b', '1'));
    log.add(heard('c', '12345678'));
    expect(topicsOf(log.messages)).toEqual(['b', 'c']);
    log.add(heard('d', 'more than twelve'));

    expect(topicsOf(log.messages)).toEqual([]);
  });

  it('includes topics and properties in the size', () => {
    const log = new MessageLog({ messages: 100, bytes: 100 });
    const properties = { userProperties: { name: ['x'.repeat(40), 'y'] }, contentType: 'z'.repeat(40) };

    log.add({ ...heard('first'), properties });
    log.add(heard('t'.repeat(90), ''));

    expect(topicsOf(log.messages)).toEqual(['t'.repeat(90)]);
  });

  it('continues the numbers after clear, and frees its space', () => {
    const log = new MessageLog({ messages: 2, bytes: 5 });
    log.add(heard('a', '1234'));
    log.clear();

    log.add(heard('b', '1234'));

    expect(log.messages.map(({ number }) => number)).toEqual([2]);
  });

  it('notifies observers of every change until they are removed', () => {
    const log = new MessageLog();
    let changes = 0;
    const end = log.observe(() => {
      changes += 1;
    });

    log.add(heard('a'));
    log.clear();
    end();
    log.add(heard('b'));

    expect(changes).toBe(2);
  });
});

describe('a filter of the log', () => {
  it('finds a text in topics and payloads, case-insensitively', () => {
    const log = new MessageLog();
    for (const [topic, payload] of [
      ['home/Lamp', 'off'],
      ['home/door', 'lamp above it'],
      ['home/window', 'shut'],
    ] as const)
      log.add(heard(topic, payload));

    expect(topicsOf(new FilteredLog(log, ' LAMP ').messages())).toEqual(['home/Lamp', 'home/door']);
  });

  it('ignores payloads that are not text', () => {
    const log = new MessageLog();
    log.add(heard('bytes', Uint8Array.of(0xff, 0x61)));

    expect(new FilteredLog(log, 'a').messages()).toEqual([]);
  });

  it('follows the log: added, dropped and cleared messages', () => {
    const log = new MessageLog({ messages: 3, bytes: 100 });
    const filtered = new FilteredLog(log, 'a');
    const topics = () => topicsOf(filtered.messages());

    for (const topic of ['a1', 'b1', 'a2']) log.add(heard(topic));
    expect(topics()).toEqual(['a1', 'a2']);
    for (const topic of ['b2', 'a3']) log.add(heard(topic));
    expect(topics()).toEqual(['a2', 'a3']);
    log.clear();
    expect(topics()).toEqual([]);
    log.add(heard('a4'));
    expect(topics()).toEqual(['a4']);
  });

  it('checks each message once', () => {
    const log = new MessageLog();
    const filtered = new FilteredLog(log, 'a');
    let looks = 0;
    Object.defineProperty(log.add(heard('a')), 'topic', {
      get: () => {
        looks += 1;
        return 'a';
      },
    });

    filtered.messages();
    log.add(heard('a'));
    filtered.messages();

    expect(looks).toBe(1);
  });
});
