import { describe, expect, it } from '@jest/globals';
import type { SQSRecord } from 'aws-lambda';
import { readBridge } from '../../lambdas/bridge/read-bridge';
import { type RuleEvent, readRuleEvent } from '../../lambdas/bridge/rule-event';
import { toRuleEvent } from '../../lambdas/transport/bridge-event';

const bridge = { broker: 'mine', ...readBridge({ entries: [{ direction: 'in', filter: '#', remotePrefix: 'r/' }] }) };
const event: RuleEvent = { payload: 'eA==', topic: 'r/a', id: 'id', ruleFilter: 'r/#' };

describe('an event of a rule', () => {
  it('becomes a message with the origin bridge', () => {
    const plain = { ...event, payloadFormat: 'UNSPECIFIED_BYTES', userProperties: [] };

    expect(readRuleEvent(plain, bridge, 98_304)).toEqual({
      messages: [{ topic: 'a', payload: Buffer.from('x'), qos: 1, retain: false, origin: 'bridge' }],
    });
  });

  it('becomes no message only if this broker has sent it', () => {
    const marked = (broker: string): RuleEvent => ({
      ...event,
      userProperties: [{ a: '1' }, { 'cirrus-mqtt-bridge': broker }],
    });

    expect(readRuleEvent(marked('mine'), bridge, 98_304)).toEqual({ messages: [] });
    expect(readRuleEvent(marked('yours'), bridge, 98_304).messages).toHaveLength(1);
  });

  it.each([
    ['a list of objects', [{ a: '1' }, { b: '2' }, { a: '3' }], ['a 1', 'b 2', 'a 3']],
    ['one object', { a: ['1', '3'], b: '2' }, ['a 1', 'a 3', 'b 2']],
  ])('has user properties that are %s', (_name, userProperties, expected) => {
    const [message] = readRuleEvent({ ...event, userProperties } as RuleEvent, bridge, 98_304).messages;

    expect(message?.properties?.userProperties?.map((pair) => pair.join(' '))).toEqual(expected);
  });

  it.each([
    ['topic', { topic: 'r/a\uffff' }, 'U+FFFF'],
    ['content type', { contentType: 'a\u0001' }, 'U+0001'],
    ['response topic', { responseTopic: '\ufdd0' }, 'U+FDD0'],
    ['user property', { userProperties: [{ 'a\u{1fffe}': '1' }] }, 'U+1FFFE'],
  ])('is refused with a %s that no client could have sent', (_name, fields, character) => {
    expect(readRuleEvent({ ...event, ...fields } as RuleEvent, bridge, 98_304)).toEqual({
      messages: [],
      refused: `a string of the message contains ${character}`,
    });
  });

  it('is refused if it exceeds the packet size', () => {
    const large = { ...event, payload: Buffer.alloc(1020).toString('base64') };

    expect(readRuleEvent(large, bridge, 1024).messages).toEqual([]);
    expect(readRuleEvent(large, bridge, 1024).refused).toContain('larger than packets of 1024 bytes');
    expect(readRuleEvent(large, bridge, 2048).refused).toBeUndefined();
  });
});

describe('a record of the queue for incoming messages', () => {
  const record = (body: object) => ({ body: JSON.stringify(body), messageId: 'sqs-id' }) as SQSRecord;

  it.each([
    ['a message that was synchronised', event, event],
    ['an invocation that failed', { requestPayload: event, responsePayload: {} }, event],
    [
      'a rule whose action failed, which tells no properties',
      { ruleName: 'Rule1', topic: 'r/a', base64OriginalPayload: 'eA==', failures: [] },
      { payload: 'eA==', topic: 'r/a', id: 'sqs-id' },
    ],
  ])('may be %s', (_name, body, expected) => {
    expect(toRuleEvent(record(body))).toEqual(expected);
  });
});
