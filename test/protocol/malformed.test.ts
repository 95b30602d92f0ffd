import { describe, expect, test } from '@jest/globals';
import { decode } from '../../lambdas/protocol/codec';
import { packetSize } from '../../lambdas/protocol/packet-splitter';
import { ProtocolError } from '../../lambdas/protocol/reason-codes';
import { clause } from '../support/clause';
import { hex } from '../support/packets';
import { thrownBy } from '../support/thrown-by';
import malformed from './malformed.json';

describe('a malformed packet', () => {
  test('is a whole one in this table, so that only its content can be at fault', () => {
    for (const { name, hex: text } of malformed) {
      expect({ name, size: packetSize(hex(text), 0) }).toEqual({ name, size: hex(text).length });
    }
  });

  for (const entry of malformed) {
    const version = entry.before === 'connect' ? undefined : 4;
    clause(entry.clause, `is ${entry.name}`, () => {
      const error = thrownBy(() => decode(hex(entry.hex), version));

      expect(error).toBeInstanceOf(ProtocolError);
      expect(error).toMatchObject({ reason: entry.reason });
    });
  }
});
