import { describe, expect, it } from '@jest/globals';
import { InvalidBridgeError, packBridge, readBridge, unpackBridge } from '../../lambdas/bridge/read-bridge';

const entry = { direction: 'out', filter: 'a/#' };
const read = (value: object) => () => readBridge({ entries: [{ ...entry, ...value }] });

describe('the configuration of the bridge', () => {
  it('has defaults for all but direction and filter', () => {
    expect(readBridge({ entries: [entry] }).entries).toEqual([
      { direction: 'out', filter: 'a/#', localPrefix: '', remotePrefix: '', qos: 1, retain: false },
    ]);
  });

  it('is the same after packing and unpacking', () => {
    const bridge = {
      broker: 'mine',
      ...readBridge({
        entries: [
          { ...entry, qos: 0 },
          { ...entry, direction: 'in' },
        ],
      }),
    };

    expect(unpackBridge(packBridge(bridge))).toEqual(bridge);
  });

  it.each([
    [{ direction: 'up' }, 'bridge.entries[0].direction is "up", but must be one of out, in, both'],
    [{ direction: undefined }, 'bridge.entries[0].direction is absent, but must be'],
    [{ filter: 'a/#/b' }, 'bridge.entries[0].filter is "a/#/b", but must be a topic filter'],
    [{ filter: 'a\uffff' }, 'must be a topic filter without control characters and noncharacters'],
    [{ filter: '#', localPrefix: 'a\u0001/' }, 'must be the beginning of topics, without control characters'],
    [{ filter: '' }, 'bridge.entries[0].filter is "", but must be a topic filter'],
    [{ localPrefix: 'a/+/' }, 'localPrefix is "a/+/", but must be the beginning of topics, without wildcards'],
    [{ remotePrefix: 7 }, 'remotePrefix is 7, but must be the beginning of topics, without wildcards'],
    [{ qos: 2 }, 'bridge.entries[0].qos is 2, but must be 0 or 1'],
    [{ retain: 'yes' }, 'bridge.entries[0].retain is "yes", but must be true or false'],
    [{ topic: 'a' }, 'a key of bridge.entries[0] is "topic", but must be one of direction, filter, localPrefix'],
    [{ filter: '#', localPrefix: 'home' }, 'localPrefix with filter is "home#", but must be a topic filter; a slash'],
    [{ filter: '+', remotePrefix: 'home' }, 'remotePrefix with filter is "home+", but must be a topic filter; a slash'],
    [{ filter: '$SYS/#' }, 'localPrefix with filter is "$SYS/#", but must be without a leading $'],
    [{ remotePrefix: '$aws/' }, 'topics with a leading $ belong to AWS IoT Core'],
    [{ filter: '1/2/3/4/5/6/7/8', remotePrefix: '0/' }, 'the topic has 9 levels, but AWS IoT Core accepts 8'],
    [{ remotePrefix: 'x'.repeat(300) }, 'the topic has 303 bytes, but AWS IoT Core accepts 256'],
    [{ direction: 'in', filter: "it's" }, 'without quotation marks and backslashes'],
  ])('is refused with %j', (value, message) => {
    expect(read(value)).toThrow(InvalidBridgeError);
    expect(read(value)).toThrow(message);
  });

  it.each([
    [{ entries: [] }, 'bridge.entries is [], but must be a list of 1 to 100 entries'],
    [{}, 'bridge.entries is absent, but must be a list'],
    [[], 'bridge is [], but must be an object with entries'],
    [{ entries: [entry], name: 'x' }, 'a key of bridge is "name", but must be one of entries'],
  ])('is refused as %j', (value, message) => {
    expect(() => readBridge(value)).toThrow(message);
  });

  it('accepts seven slashes, and quotation marks in entries without a rule', () => {
    expect(read({ filter: '1/2/3/4/5/6/7/#' })).not.toThrow();
    expect(read({ filter: "it's" })).not.toThrow();
  });
});
