import { describe, expect, test } from '@jest/globals';
import vectors from '../../docs/wire-vectors.json';
import { formatFrame, parseFrame } from '../../lambdas/protocol/frames';
import { maxIncomingPacketSize } from '../../lambdas/protocol/limits';
import { splitPackets } from '../../lambdas/protocol/packet-splitter';
import { ProtocolError } from '../../lambdas/protocol/reason-codes';
import { hex } from '../support/packets';
import { thrownBy } from '../support/thrown-by';

/** `<3*2a>` in the vectors stands for `2a2a2a`. */
function expand(text: string): string {
  return text.replace(/<(\d+)\*([^>]+)>/g, (_run, count: string, unit: string) => unit.repeat(Number(count)));
}

function written(writes: string[]): Buffer {
  return Buffer.concat(writes.map((write) => hex(expand(write))));
}

describe('frames from a client', () => {
  for (const { name, writes, frames } of vectors.clientToServer) {
    test(`carry ${name}`, () => {
      const packets: Buffer[] = [];
      let tail: Buffer = Buffer.alloc(0);

      for (const [index, frame] of frames.entries()) {
        const { number, bytes } = parseFrame(expand(frame));
        expect(number).toBe(index + 1);
        const split = splitPackets(tail, bytes, maxIncomingPacketSize);
        packets.push(...split.packets);
        tail = split.tail;
      }

      expect(Buffer.concat(packets).equals(written(writes))).toBe(true);
      expect(tail).toHaveLength(0);
    });
  }

  for (const { name, writes } of vectors.clientToServerErrors) {
    test(`must not carry ${name}`, () => {
      expect(splitPackets(Buffer.alloc(0), written(writes), maxIncomingPacketSize).error).toBeInstanceOf(ProtocolError);
    });
  }

  // A frame that clients must not accept is invalid for the server too, except the number, which only clients write.
  for (const { name, frame } of vectors.serverToClientErrors.filter((vector) => !vector.frame.includes('.'))) {
    test(`are never ${name}`, () => {
      expect(thrownBy(() => parseFrame(frame))).toBeInstanceOf(ProtocolError);
    });
  }
});

describe('frames to a client', () => {
  for (const { name, frame, bytes } of vectors.serverToClient) {
    test(`carry ${name}`, () => {
      expect(formatFrame(hex(expand(bytes)))).toBe(expand(frame));
    });
  }
});
