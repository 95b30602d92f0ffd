import { describe, expect, test } from '@jest/globals';
import { isReservedTopic, isTopicName, levels, quoteTopic } from '../../lambdas/protocol/topic';
import { clause } from '../support/clause';

describe('levels', () => {
  test('a topic without a slash is one level', () => {
    expect(levels('finance')).toEqual(['finance']);
  });

  test('leading, trailing and doubled slashes make empty levels', () => {
    expect(levels('/a//b/')).toEqual(['', 'a', '', 'b', '']);
  });
});

describe('isTopicName', () => {
  clause(['MQTT-4.7.3-1', 'v3 MQTT-4.7.3-1'], 'a name has at least one character', () => {
    expect(isTopicName('')).toBe(false);
    expect(isTopicName('a')).toBe(true);
    expect(isTopicName('/')).toBe(true);
    expect(isTopicName(' ')).toBe(true);
  });

  clause(['MQTT-4.7.3-3', 'v3 MQTT-4.7.3-3'], 'a name has at most 65,535 bytes', () => {
    expect(isTopicName('a'.repeat(65_535))).toBe(true);
    expect(isTopicName('a'.repeat(65_536))).toBe(false);
    expect(isTopicName('\u20ac'.repeat(21_845))).toBe(true);
    expect(isTopicName('\u20ac'.repeat(21_846))).toBe(false);
  });

  clause(['MQTT-4.7.0-1', 'v3 MQTT-4.7.1-1'], 'a name has no wildcards', () => {
    expect(isTopicName('a/+')).toBe(false);
    expect(isTopicName('a/#')).toBe(false);
    expect(isTopicName('a+b')).toBe(false);
    expect(isTopicName('a#')).toBe(false);
  });

  clause(['MQTT-4.7.3-2', 'v3 MQTT-4.7.3-2'], 'a name has no U+0000', () => {
    expect(isTopicName('a\0b')).toBe(false);
  });
});

describe('isReservedTopic', () => {
  test('$SYS and $share are reserved', () => {
    expect(isReservedTopic('$SYS')).toBe(true);
    expect(isReservedTopic('$SYS/broker/uptime')).toBe(true);
    expect(isReservedTopic('$share')).toBe(true);
    expect(isReservedTopic('$share/group/a')).toBe(true);
  });

  test('other topics are not, with and without a leading $', () => {
    expect(isReservedTopic('$aws/things/lamp/shadow/update')).toBe(false);
    expect(isReservedTopic('$SYSTEM')).toBe(false);
    expect(isReservedTopic('a/$SYS/b')).toBe(false);
  });
});

describe('quoteTopic', () => {
  test('escapes characters that would break a log line', () => {
    expect(quoteTopic('a\n"b"')).toBe('"a\\n\\"b\\""');
  });

  test('shortens long topics', () => {
    expect(quoteTopic('a'.repeat(65_535))).toBe(`"${'a'.repeat(100)}"...`);
  });
});
