/*
 * Proved elsewhere: [MQTT-3.3.2-8] malformed.test.ts.
 */
import { describe, expect, test } from '@jest/globals';
import { resolveAlias, type TopicAliases } from '../../lambdas/protocol/topic-alias';
import { clause } from '../support/clause';
import { publish } from '../support/packets';
import { thrownBy } from '../support/thrown-by';

const none: TopicAliases = new Map();
const maximum = 16;

/** Builds a PUBLISH with a Topic Alias. */
function aliased(topicAlias: number, topic: string) {
  return publish({ topic, properties: { topicAlias } });
}

describe('resolveAlias', () => {
  clause('MQTT-3.3.2-12', 'every alias from 1 to the 16 of CONNACK stands for the topic it came with', () => {
    let aliases = none;
    for (let alias = 1; alias <= 16; alias++)
      ({ aliases } = resolveAlias(aliased(alias, `t/${alias}`), aliases, maximum));

    for (let alias = 1; alias <= 16; alias++) {
      expect(resolveAlias(aliased(alias, ''), aliases, maximum).packet.topic).toBe(`t/${alias}`);
    }
  });

  clause('MQTT-3.3.2-9', 'an alias above them ends the connection', () => {
    expect(thrownBy(() => resolveAlias(aliased(17, 'a'), none, maximum))).toMatchObject({ reason: 0x94 });
    expect(thrownBy(() => resolveAlias(aliased(65_535, ''), none, maximum))).toMatchObject({ reason: 0x94 });
  });

  test('any alias ends the connection if none is allowed', () => {
    expect(thrownBy(() => resolveAlias(aliased(1, 'a'), none, 0))).toMatchObject({
      reason: 0x94,
      message: expect.stringContaining('alias 1'),
    });
    expect(resolveAlias(publish(), none, 0)).toEqual({ packet: publish(), aliases: none });
  });

  test('the topics with an alias have at most 4,096 bytes; a replaced topic does not count', () => {
    const { aliases } = resolveAlias(aliased(1, 'é'.repeat(2048)), none, maximum);
    expect(thrownBy(() => resolveAlias(aliased(2, 'a'), aliases, maximum))).toMatchObject({
      reason: 0x97,
      message: expect.stringContaining('4097'),
    });

    const replaced = resolveAlias(aliased(1, 'b'), aliases, maximum);
    expect(resolveAlias(aliased(2, 'a'), replaced.aliases, maximum).aliases.get(2)).toBe('a');
  });

  test('an alias that was never set ends the connection', () => {
    const { aliases } = resolveAlias(aliased(1, 'a'), none, maximum);

    expect(thrownBy(() => resolveAlias(aliased(2, ''), aliases, maximum))).toMatchObject({
      reason: 0x82,
      message: expect.stringContaining('alias 2'),
    });
  });

  test('an alias with a new topic is replaced', () => {
    const first = resolveAlias(aliased(1, 'a'), none, maximum);
    const second = resolveAlias(aliased(1, 'b'), first.aliases, maximum);

    expect(second.packet.topic).toBe('b');
    expect(resolveAlias(aliased(1, ''), second.aliases, maximum).packet.topic).toBe('b');
  });

  test('two aliases may have the same topic', () => {
    const first = resolveAlias(aliased(1, 'a'), none, maximum);
    const second = resolveAlias(aliased(2, 'a'), first.aliases, maximum);

    expect([...second.aliases]).toEqual([
      [1, 'a'],
      [2, 'a'],
    ]);
  });

  test('unchanged aliases are the same object, so that they are not stored again', () => {
    const { aliases } = resolveAlias(aliased(1, 'a'), none, maximum);

    expect(resolveAlias(publish(), aliases, maximum).aliases).toBe(aliases);
    expect(resolveAlias(aliased(1, 'a'), aliases, maximum).aliases).toBe(aliases);
    expect(resolveAlias(aliased(1, ''), aliases, maximum).aliases).toBe(aliases);
    expect(none.size).toBe(0);
  });

  test('all other fields are unchanged', () => {
    const { aliases } = resolveAlias(aliased(1, 'a/b'), none, maximum);
    const packet = publish({ topic: '', qos: 2, messageId: 7, dup: true, retain: true, properties: { topicAlias: 1 } });

    expect(resolveAlias(packet, aliases, maximum).packet).toEqual({ ...packet, topic: 'a/b' });
    expect(resolveAlias(publish(), aliases, maximum).packet).toEqual(publish());
  });
});
