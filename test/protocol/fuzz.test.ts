import { describe, expect, test } from '@jest/globals';
import { decode, encode } from '../../lambdas/protocol/codec';
import { parseFrame } from '../../lambdas/protocol/frames';
import { handlePacket } from '../../lambdas/protocol/handle-packet';
import { splitPackets } from '../../lambdas/protocol/packet-splitter';
import { ProtocolError } from '../../lambdas/protocol/reason-codes';
import { connect, publish } from '../support/packets';
import { Random } from '../support/random';

const surroundings = { generateClientId: () => 'assigned', limits: { maxWildcards: 8, refusedFilters: [] } };

/** Everything a client's bytes pass through before anything is done about them. */
function receive(bytes: Buffer, version: number | undefined): void {
  const session = version === undefined ? undefined : { clientId: 'kitchen', version, clean: true };
  for (const packet of splitPackets(Buffer.alloc(0), bytes).packets) {
    handlePacket(decode(packet, version), session, surroundings);
  }
}

/** True when the bytes were accepted, false when they were refused as they should be. */
function survives(body: () => void): boolean {
  try {
    body();
    return true;
  } catch (error) {
    if (error instanceof ProtocolError) return false;
    throw error;
  }
}

describe('whatever a client sends', () => {
  const random = new Random(11);
  const version = () => random.pick([undefined, 3, 4]);

  test('random bytes are read or refused', () => {
    for (let run = 0; run < 15_000; run++) {
      const bytes = random.bytes(random.below(40));
      survives(() => receive(bytes, version()));
    }
  });

  test('random bodies behind a proper fixed header are read or refused', () => {
    for (let run = 0; run < 15_000; run++) {
      const body = random.bytes(random.below(40));
      // Mostly zeros, so that lengths inside the body often fit.
      for (let index = 0; index < body.length; index++) if (random.below(2) === 0) body[index] = 0;
      const header = Buffer.from([random.below(256), body.length]);
      survives(() => receive(Buffer.concat([header, body]), version()));
    }
  });

  test('a proper packet with a few bytes changed is read or refused, and then a proper one is read', () => {
    const will = { topic: 'w', payload: Buffer.from('x'), qos: 1, retain: true } as const;
    const proper: [bytes: Buffer, version: number | undefined][] = [
      [encode(connect({ will, username: 'u', password: Buffer.from('p') }), 4), undefined],
      [encode(publish({ qos: 1, messageId: 7 }), 4), 4],
      [encode({ cmd: 'subscribe', messageId: 7, subscriptions: [{ topic: 'a/+', qos: 1 }] }, 4), 4],
      [encode({ cmd: 'unsubscribe', messageId: 7, unsubscriptions: ['a/+', '#'] }, 4), 4],
      [encode({ cmd: 'pubrel', messageId: 7 }, 4), 3],
    ];
    let accepted = 0;

    for (let run = 0; run < 15_000; run++) {
      const [bytes, knownVersion] = random.pick(proper);
      const damaged = Buffer.from(bytes);
      for (let change = random.below(4); change >= 0; change--)
        damaged[random.below(damaged.length)] = random.below(256);
      survives(() => receive(damaged, knownVersion));
      if (survives(() => receive(bytes, knownVersion))) accepted++;
    }

    expect(accepted).toBe(15_000);
  });

  test('random text is a frame or refused', () => {
    for (let run = 0; run < 10_000; run++) {
      const text = Array.from({ length: random.below(12) }, () => random.pick([...'01.9+/=AZaz -_\n\u0661'])).join('');
      survives(() => parseFrame(text));
    }
  });
});
