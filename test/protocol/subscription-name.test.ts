/*
 * Proved elsewhere: [MQTT-4.7.1-1], [MQTT-4.7.1-2], [MQTT-4.7.3-1] to [MQTT-4.7.3-3] topic-filter.test.ts.
 */
import { describe, expect, test } from '@jest/globals';
import { subscriptionName } from '../../lambdas/protocol/subscription-name';
import { clause } from '../support/clause';
import { thrownBy } from '../support/thrown-by';

describe('subscriptionName', () => {
  test('a topic filter is its own name', () => {
    expect(subscriptionName('a/+/#', 5)).toEqual({ name: 'a/+/#', filter: 'a/+/#' });
  });

  clause('MQTT-4.8.2-1', 'a shared subscription has a share name of at least one character', () => {
    expect(subscriptionName('$share/g/a', 5)).toEqual({ name: '$share/g/a', filter: 'a', share: 'g' });
    expect(thrownBy(() => subscriptionName('$share//a', 5))).toMatchObject({ reason: 0x81 });
  });

  const refused: [why: string, name: string][] = [
    ['+ in the share name', '$share/g+/a'],
    ['+ as the share name', '$share/+/a'],
    ['# in the share name', '$share/#g/a'],
    ['# as the share name', '$share/#'],
    ['nothing after the share name', '$share/g'],
    ['only a / after the share name', '$share/g/'],
    ['what is no topic filter after it', '$share/g/a#'],
    ['# before the end', '$share/g/#/a'],
  ];
  for (const [why, name] of refused) {
    clause('MQTT-4.8.2-2', `${why} is refused`, () => {
      expect(thrownBy(() => subscriptionName(name, 5))).toMatchObject({
        reason: 0x81,
        message: `"${name}" is not a topic filter`,
      });
    });
  }

  const shared: [name: string, share: string, filter: string][] = [
    ['$share/g/a/b/c', 'g', 'a/b/c'],
    ['$share/g//', 'g', '/'],
    ['$share/g//a', 'g', '/a'],
    ['$share/g/#', 'g', '#'],
    ['$share/g/+/a/#', 'g', '+/a/#'],
    ['$share/\u00e9 \u{1f4a1}/a', '\u00e9 \u{1f4a1}', 'a'],
    ['$share/$share/a', '$share', 'a'],
    ['$share/g/$SYS/#', 'g', '$SYS/#'],
  ];
  for (const [name, share, filter] of shared) {
    test(`${name} is ${filter} for the share ${share}`, () => {
      expect(subscriptionName(name, 5)).toEqual({ name, filter, share });
    });
  }

  test('a filter that only resembles a share is an ordinary filter', () => {
    for (const name of ['$share', '$shared/g/a', '$SHARE/g/a', 'share/g/a', '/$share/g/a']) {
      expect(subscriptionName(name, 5)).toEqual({ name, filter: name });
    }
  });

  test('a client of MQTT 3.1.1 may use shares; an invalid share is an ordinary filter', () => {
    expect(subscriptionName('$share/g/a', 4)).toEqual({ name: '$share/g/a', filter: 'a', share: 'g' });
    for (const name of ['$share//a', '$share/g']) {
      expect(subscriptionName(name, 4)).toEqual({ name, filter: name });
    }
  });

  test('an invalid topic filter is refused in each version', () => {
    for (const version of [3, 4, 5]) {
      expect(thrownBy(() => subscriptionName('a/#/b', version))).toMatchObject({ reason: 0x81 });
      expect(thrownBy(() => subscriptionName('', version))).toMatchObject({ reason: 0x81 });
      expect(thrownBy(() => subscriptionName('$share/g/a#', version))).toMatchObject({ reason: 0x81 });
    }
  });
});
