/*
 * The table of reason codes in docs/limits.md. Proved elsewhere, with a file of access or a clock: what `elsewhere` names.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Packet } from 'mqtt-packet';
import { Broker5 } from '../../support/broker5';
import { type Client5, connectPacket, publishPacket, subscription, written } from '../../support/client5';
import { hex } from '../../support/packets';

const text = { properties: { payloadFormatIndicator: true } };
const notText = Buffer.of(0xff);
const will = { topic: 'w', payload: notText, qos: 0, retain: false, ...text } as const;

/** What a client sends to get each code, by packet and code; as its CONNECT where the answer is CONNACK. */
const said: Readonly<Record<string, Packet | Buffer>> = {
  'CONNACK 0x81': hex('10 15 0004 4d515454 05 06 003c 00 0001 63 00 0001 23 0001 78'),
  'CONNACK 0x82': hex('10 11 0004 4d515454 05 02 003c 03 21 0000 0001 61'),
  'CONNACK 0x85': connectPacket('x'.repeat(1025)),
  'CONNACK 0x8C': connectPacket('a', { properties: { authenticationMethod: 'SCRAM-SHA-1' } }),
  'CONNACK 0x95': connectPacket('', { properties: { maximumPacketSize: 20 } }),
  'CONNACK 0x99': connectPacket('a', { will }),
  'PUBACK 0x10': publishPacket('nobody', 'x', { qos: 1, messageId: 1 }),
  'PUBACK 0x87': publishPacket('$SYS/a', 'x', { qos: 1, messageId: 1 }),
  'PUBACK 0x99': publishPacket('a', notText, { qos: 1, messageId: 1, ...text }),
  'PUBREL 0x92': { cmd: 'pubrec', messageId: 1 },
  'PUBCOMP 0x92': { cmd: 'pubrel', messageId: 1 },
  'SUBACK 0x80': subscribe('secret/a'),
  'SUBACK 0x8F': subscribe('$share/one/$share/two/a'),
  'SUBACK 0x97': subscribe('+/+/+/+'),
  'DISCONNECT 0x80': { cmd: 'pingreq' }, // whose answer fails to leave, by a fault
  'UNSUBACK 0x11': { cmd: 'unsubscribe', messageId: 1, unsubscriptions: ['nothing'] },
  'DISCONNECT 0x81': hex('c0 01'),
  'DISCONNECT 0x82': connectPacket('twice'),
  'DISCONNECT 0x94': publishPacket('a', 'x', { properties: { topicAlias: 17 } }),
  'DISCONNECT 0x95': publishPacket('a', Buffer.alloc(98_304)),
  'DISCONNECT 0x97': Buffer.concat(
    [1, 2].map((topicAlias) => written(publishPacket('x'.repeat(2049), '', { properties: { topicAlias } }))),
  ),
  'DISCONNECT 0x99': publishPacket('a', notText, text),
};

const failedPost = { fault: 'call', operation: 'PostToConnection', outcome: 'fail', times: 1 } as const;

const elsewhere: Readonly<Record<string, string>> = {
  'CONNACK 0x86': 'access/passwords.test.ts',
  'CONNACK 0x87': 'access/tokens.test.ts',
  'CONNACK 0x88': 'access/tokens.test.ts',
  'CONNACK 0x97': 'access/limits.test.ts',
  'CONNACK 0x9F': 'access/scram.test.ts',
  'PUBACK 0x97': '../hostile/retained.test.ts',
  'SUBACK 0x87': 'access/permissions.test.ts',
  'DISCONNECT 0x87': 'access/scram.test.ts',
  'DISCONNECT 0x8D': 'v5/disconnect.test.ts',
  'DISCONNECT 0x8E': 'v5/disconnect.test.ts',
  'DISCONNECT 0x93': 'v5/flow-control.test.ts',
  'DISCONNECT 0x96': 'access/limits.test.ts',
  'DISCONNECT 0x98': 'access/permissions.test.ts',
  'DISCONNECT 0xA0': 'access/tokens.test.ts',
};

function subscribe(topic: string): Packet {
  return { cmd: 'subscribe', messageId: 1, subscriptions: [subscription(topic)] };
}

/** The codes in the table, as `PACKET 0xNN`. */
function documented(): string[] {
  const page = readFileSync(join(__dirname, '../../../docs/limits.md'), 'utf8');
  const [, section = ''] = /^## Reason codes$([\s\S]*?)^## /m.exec(page) ?? [];
  return [...section.matchAll(/^\| ([A-Z]+) +\| (0x[0-9A-F]{2}) \|/gm)].map(([, packet, code]) => `${packet} ${code}`);
}

describe('the reason codes in docs/limits.md', () => {
  let broker: Broker5;

  beforeAll(async () => {
    broker = await Broker5.start({ settings: { refusedFilters: ['secret/#'], maxWildcards: 3 } });
  });

  afterAll(() => broker.stop());

  it('are all tried, here or elsewhere', () => {
    expect(documented().sort()).toEqual([...Object.keys(said), ...Object.keys(elsewhere)].sort());
    for (const [code, file] of Object.entries(elsewhere)) {
      const value = code.split(' ').at(-1)?.toLowerCase() ?? '';
      expect({ code, isNamed: readFileSync(join(__dirname, '..', file), 'utf8').includes(value) }).toEqual({
        code,
        isNamed: true,
      });
    }
  });

  for (const [code, packet] of Object.entries(said)) {
    it(`are those that are sent: ${code}`, async () => {
      const [cmd = '', value] = code.toLowerCase().split(' ');
      const client = cmd === 'connack' ? await broker.open() : await broker.connect('a');
      if (value === '0x80' && cmd === 'disconnect') await broker.cloud.faults.set(failedPost);
      if (Buffer.isBuffer(packet)) client.sendBytes(packet);
      else client.send(packet);

      expect(await codeIn(client, cmd as Packet['cmd'])).toBe(Number(value));
    });
  }
});

async function codeIn(client: Client5, cmd: Packet['cmd']): Promise<number | undefined> {
  const packet = await client.next(cmd);
  if ('granted' in packet) return packet.granted?.[0] as number;
  return 'reasonCode' in packet ? packet.reasonCode : undefined;
}
