import { describe, expect, it, test } from '@jest/globals';
import { generate, type Packet } from 'mqtt-packet';
import { asciiJson } from '../../lambdas/protocol/ascii-json';
import { decode } from '../../lambdas/protocol/codec/decode';
import { encode } from '../../lambdas/protocol/codec/encode';
import { disallowedCharacterIn, isAllowedText, replaceDisallowed } from '../../lambdas/protocol/disallowed-characters';
import type { ProtocolVersion } from '../../lambdas/protocol/packets';
import { clause } from '../support/clause';
import { thrownBy } from '../support/thrown-by';

const planes = Array.from({ length: 17 }, (_, plane) => plane * 0x10000);
const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index);
const controls = [...range(0x00, 0x1f), ...range(0x7f, 0x9f)];
const noncharacters = [...range(0xfdd0, 0xfdef), ...planes.flatMap((plane) => [plane + 0xfffe, plane + 0xffff])];
const unclean = [...controls, ...noncharacters].map((codePoint) => String.fromCodePoint(codePoint));

/** Neighbours of all these, U+FEFF, the replacement character, one of another plane, and an unassigned one. */
const usual = [' ', '~', '\u00a0', '\ufdcf', '\ufdf0', '\ufeff', '\ufffd', '\u{1fffd}', '\u{1f4a1}', 'é', '\u0378'];

/** Packets with a text in every string field. */
const inConnect = {
  'client id': (clientId) => ({ ...connect, clientId }),
  'user name': (username) => ({ ...connect, username, password: Buffer.from('secret') }),
  'will topic': (topic) => ({ ...connect, will: { ...will, topic } }),
} satisfies Record<string, (text: string) => Packet>;

const inSession = {
  topic: (topic) => ({ ...publish, topic }),
  filter: (topic) => ({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 0 }] }),
  'filter of UNSUBSCRIBE': (topic) => ({ cmd: 'unsubscribe', messageId: 1, unsubscriptions: [topic] }),
} satisfies Record<string, (text: string) => Packet>;

const inConnect5 = {
  'authentication method': (authenticationMethod) => ({ ...connect, properties: { authenticationMethod } }),
  'user property of CONNECT': (text) => ({ ...connect, properties: { userProperties: { [`n${text}`]: 'v' } } }),
  'content type of the will': (contentType) => ({ ...connect, will: { ...will, properties: { contentType } } }),
  'response topic of the will': (responseTopic) => ({ ...connect, will: { ...will, properties: { responseTopic } } }),
  'user property of the will': (text) => ({
    ...connect,
    will: { ...will, properties: { userProperties: { n: `v${text}` } } },
  }),
} satisfies Record<string, (text: string) => Packet>;

const inSession5 = {
  'content type': (contentType) => ({ ...publish, properties: { contentType } }),
  'response topic': (responseTopic) => ({ ...publish, properties: { responseTopic } }),
  'name of a user property': (text) => ({ ...publish, properties: { userProperties: { [`n${text}`]: 'v' } } }),
  'value of a user property': (text) => ({ ...publish, properties: { userProperties: { n: `v${text}` } } }),
  ShareName: (share) => ({
    cmd: 'subscribe',
    messageId: 1,
    subscriptions: [{ topic: `$share/s${share}/a`, qos: 0, nl: false, rap: false, rh: 0 }],
  }),
  'reason string of PUBACK': (reasonString) => ({
    cmd: 'puback',
    messageId: 1,
    reasonCode: 0x80,
    properties: { reasonString },
  }),
  'reason string of DISCONNECT': (reasonString) => ({ cmd: 'disconnect', reasonCode: 4, properties: { reasonString } }),
} satisfies Record<string, (text: string) => Packet>;

const connect = { cmd: 'connect', clientId: 'kitchen', clean: true, keepalive: 60 } as const;
const will = { topic: 'w', payload: Buffer.from('x'), qos: 0, retain: false } as const;
const publish = { cmd: 'publish', topic: 'a', payload: 'x', qos: 0, dup: false, retain: false } as const;

type Place = (text: string) => Packet;

const v4 = { ...inConnect, ...inSession };
const v5 = { ...v4, ...inConnect5, ...inSession5 };
const places: readonly [version: 4 | 5, place: string, packet: Place][] = [
  ...Object.entries(v4).map(([place, packet]): [4, string, Place] => [4, place, packet as Place]),
  ...Object.entries(v5).map(([place, packet]): [5, string, Place] => [5, place, packet as Place]),
];

function bytesOf(packet: Packet, protocolVersion: 4 | 5): Buffer {
  const levelled = packet.cmd === 'connect' ? { ...packet, protocolId: 'MQTT', protocolVersion } : packet;
  return generate(levelled as Packet, { protocolVersion });
}

function read(packet: Packet, version: 4 | 5) {
  const known: ProtocolVersion | undefined = packet.cmd === 'connect' ? undefined : version;
  return decode(bytesOf(packet, version), known);
}

describe('a string from a client', () => {
  clause(
    ['MQTT-1.5.4-2', 'v3 MQTT-1.5.3-2'],
    'is malformed with a control character or a noncharacter, in every place of every packet',
    () => {
      for (const [version, place, packet] of places) {
        const accepted = unclean.filter((character) => {
          const error = thrownBy(() => read(packet(`a${character}`), version)) as { reason?: number } | undefined;
          return error?.reason !== 0x81;
        });
        expect({ version, place, accepted }).toEqual({ version, place, accepted: [] });
      }
    },
  );

  clause(['MQTT-1.5.4-3', 'v3 MQTT-1.5.3-3'], 'may have any other character, U+FEFF among them, and keeps it', () => {
    for (const [version, place, packet] of places) {
      for (const character of usual) {
        const text = `a${character}b`;
        expect({ place, read: JSON.stringify(read(packet(text), version)).includes(text) }).toEqual({
          place,
          read: true,
        });
      }
    }
  });

  test('is refused with its field and its character', () => {
    expect(thrownBy(() => read(inConnect['client id']('a\uffff'), 5))).toMatchObject({
      message: expect.stringContaining('U+FFFF'),
    });
  });
});

describe('a string that is sent', () => {
  it('has no control character or noncharacter, whatever an earlier release has stored', () => {
    for (const character of unclean) {
      const packet = { ...publish, topic: `a/${character}`, payload: Buffer.from('x') };
      const properties = { contentType: character, userProperties: [[character, character]] as const };
      const bytes = encode({ ...packet, properties }, 5);

      expect(decode(bytes, 5)).toMatchObject({ topic: 'a/?', properties: { contentType: '?' } });
    }
  });

  it('is unchanged otherwise', () => {
    for (const character of usual) expect(replaceDisallowed(character)).toBe(character);
  });
});

describe('allowed text', () => {
  it('has neither control characters nor noncharacters of the Unicode standard', () => {
    for (const character of unclean) expect(isAllowedText(`a${character}b`)).toBe(false);
    for (const character of usual) expect(disallowedCharacterIn(character)).toBeUndefined();
  });

  it('has no lone surrogate', () => {
    expect(disallowedCharacterIn('a\ud800b')).toBe('U+D800');
    expect(disallowedCharacterIn('a\udc00')).toBe('U+DC00');
    expect(replaceDisallowed('\ud83d\ude00\ud83d')).toBe('\u{1f600}?');
  });
});

describe('JSON for queues', () => {
  it('is ASCII for any strings, and parses to the same value', () => {
    const strings = [...unclean, ...usual, '"', '\\', '\u2028', '\ud800', '\u{1f600}'];
    for (const text of strings) {
      const json = asciiJson({ [text]: [text] });
      expect(json).toMatch(/^[\x20-\x7e]*$/);
      expect(JSON.parse(json)).toEqual({ [text]: [text] });
    }
  });
});
