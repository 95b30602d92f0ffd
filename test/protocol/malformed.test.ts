import { describe, expect, test } from '@jest/globals';
import { decode } from '../../lambdas/protocol/codec/decode';
import { packetSize } from '../../lambdas/protocol/packet-splitter';
import type { ProtocolVersion } from '../../lambdas/protocol/packets';
import { ProtocolError } from '../../lambdas/protocol/reason-codes';
import { clause } from '../support/clause';
import { hex } from '../support/packets';
import { thrownBy } from '../support/thrown-by';
import malformed from './malformed.json';
import malformed5 from './malformed-5.json';

/** A packet that must be refused. Some rules of MQTT 5.0 have no clause number. */
interface Malformed {
  readonly name: string;
  readonly clause?: string;
  readonly before?: string;
  readonly hex: string;
  readonly reason: number;
}

function refusals(vectors: readonly Malformed[], version: ProtocolVersion): void {
  test('is one whole packet in this table, so that only its content is invalid', () => {
    for (const { name, hex: text } of vectors) {
      expect({ name, size: packetSize(hex(text), 0) }).toEqual({ name, size: hex(text).length });
    }
  });

  for (const { name, clause: id, before, hex: text, reason } of vectors) {
    const body = () => {
      const error = thrownBy(() => decode(hex(text), before === 'connect' ? undefined : version));

      expect(error).toBeInstanceOf(ProtocolError);
      expect(error).toMatchObject({ reason });
    };
    if (id === undefined) test(`is ${name}`, body);
    else clause(id, `is ${name}`, body);
  }
}

describe('a malformed packet of MQTT 3.1.1', () => refusals(malformed, 4));

describe('a malformed packet of MQTT 5.0', () => refusals(malformed5, 5));
