import { describe, expect, test } from '@jest/globals';
import { generate } from 'mqtt-packet';
import { decode } from '../../lambdas/protocol/codec/decode';
import { parseFrame } from '../../lambdas/protocol/frames';
import { handlePacket } from '../../lambdas/protocol/handle-packet';
import { splitPackets } from '../../lambdas/protocol/packet-splitter';
import type { ProtocolVersion } from '../../lambdas/protocol/packets';
import { allowEverything } from '../../lambdas/protocol/permissions';
import { ProtocolError } from '../../lambdas/protocol/reason-codes';
import { resolveAlias } from '../../lambdas/protocol/topic-alias';
import { settingsFromEnvironment } from '../../lambdas/settings';
import { randomCases } from '../support/exhaustive';
import { mqttPacketForm } from '../support/mqtt-packet-form';
import { Random } from '../support/random';
import { RandomPackets } from '../support/random-packets';

const context = {
  generateClientId: () => 'assigned',
  limits: { ...settingsFromEnvironment({}), maxWildcards: 8 },
  now: 0,
};
const aliases = new Map([[1, 'a/b']]);

/** Passes bytes of a client through splitter, decoder and handler. */
function receive(bytes: Buffer, version: ProtocolVersion | undefined): void {
  const session =
    version === undefined
      ? undefined
      : { clientId: 'kitchen', version, sessionExpiry: 0, permissions: allowEverything };
  for (const packet of splitPackets(Buffer.alloc(0), bytes).packets) {
    const decoded = decode(packet, version);
    handlePacket(decoded.cmd === 'publish' ? resolveAlias(decoded, aliases, 16).packet : decoded, session, context);
  }
}

/** Returns true if the bytes were accepted, false if they were refused with a ProtocolError. */
function survives(body: () => void): boolean {
  try {
    body();
    return true;
  } catch (error) {
    if (error instanceof ProtocolError) return false;
    throw error;
  }
}

/** Returns a copy with up to four changed bytes. */
function damaged(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes);
  for (let change = random.below(4); change >= 0; change--) copy[random.below(copy.length)] = random.below(256);
  return copy;
}

describe('random input from a client', () => {
  const random = new Random(11);
  const version = () => random.pick([undefined, 3, 4, 5] as const);

  test('random bytes are accepted or refused', () => {
    for (let run = 0; run < randomCases(15_000); run++) {
      const bytes = random.bytes(random.below(40));
      survives(() => receive(bytes, version()));
    }
  });

  test('random bodies behind a valid fixed header are accepted or refused', () => {
    for (let run = 0; run < randomCases(15_000); run++) {
      const body = random.bytes(random.below(40));
      // Mostly zeros, so that lengths inside the body often fit.
      for (let index = 0; index < body.length; index++) if (random.below(2) === 0) body[index] = 0;
      const header = Buffer.from([random.below(256), body.length]);
      survives(() => receive(Buffer.concat([header, body]), version()));
    }
  });

  test('a valid packet with a few changed bytes is accepted or refused, and a valid one after it is accepted', () => {
    const packets = new RandomPackets(random);
    let accepted = 0;

    for (let run = 0; run < randomCases(15_000); run++) {
      const version = random.pick([3, 4, 5] as const);
      const packet = packets.fromClient(version);
      const known = packet.cmd === 'connect' ? undefined : version;
      const bytes = generate(mqttPacketForm(packet), { protocolVersion: version });
      survives(() => receive(damaged(bytes, random), known));
      if (survives(() => decode(bytes, known))) accepted++;
    }

    expect(accepted).toBe(randomCases(15_000));
  });

  test('random text is a frame or is refused', () => {
    for (let run = 0; run < randomCases(10_000); run++) {
      const text = Array.from({ length: random.below(12) }, () => random.pick([...'01.9+/=AZaz -_\n\u0661'])).join('');
      survives(() => parseFrame(text));
    }
  });
});
