import { describe, expect, it } from '@jest/globals';
import {
  bundleBytes,
  bundleSize,
  isBundled,
  positionAlone,
  positionsFor,
  type QueuePosition,
  queueSpan,
  slotOf,
} from '../../../lambdas/broker/model/queue-slots';
import { Random } from '../../support/random';

const small = 10;

function slotsOf(positions: readonly QueuePosition[]): number[] {
  return [...new Set(positions.map(({ slot }) => slot))];
}

describe('positions in the queue of a session', () => {
  it('are shared by eight small messages in a row, and by no fewer', () => {
    const positions = positionsFor(Array(2 * bundleSize + 3).fill(small), 100);

    expect(positions.map(({ number }) => number)).toEqual(positions.map((_, index) => 100 + index));
    expect(slotsOf(positions).length).toBe(2 + 3);
    expect(positions.map(({ packetId }) => isBundled(packetId))).toEqual(
      positions.map((_, index) => index < 2 * bundleSize),
    );
  });

  it('are not shared by messages that are large or need a slot of their own', () => {
    const eight = Array(bundleSize).fill(small);

    expect(slotsOf(positionsFor([...eight.slice(1), bundleBytes], 1)).length).toBe(bundleSize);
    expect(slotsOf(positionsFor([...eight.slice(1), 'alone'], 1)).length).toBe(bundleSize);
    expect(slotsOf(positionsFor(['alone', ...eight], 1)).length).toBe(2);
  });

  it('follow from the packet id alone', () => {
    const positions = [...positionsFor(Array(bundleSize).fill(small), 77), positionAlone(85)];

    expect(positions.map(({ packetId }) => slotOf(packetId))).toEqual(positions.map(({ slot }) => slot));
  });

  it('[MQTT-2.2.1-4] have packet ids from 1 to 65,535, each once within the span of unacknowledged messages', () => {
    const random = new Random(7);
    const wrong: QueuePosition[] = [];
    for (let number = 1; number < 300_000; ) {
      const begin = number;
      const starts = new Map<number, number>();
      const packetIds = new Set<number>();
      while (number - begin < queueSpan) {
        const sizes = Array.from<unknown, number | 'alone'>({ length: 1 + random.below(40) }, () =>
          random.below(20) === 0 ? 'alone' : small,
        );
        for (const position of positionsFor(sizes, number)) {
          const start = position.number - (position.packetId - position.slot);
          const isNew = !packetIds.has(position.packetId) && (starts.get(position.slot) ?? start) === start;
          if (position.packetId < 1 || position.packetId > 65_535 || !isNew) wrong.push(position);
          packetIds.add(position.packetId);
          starts.set(position.slot, start);
        }
        number += sizes.length;
      }
    }

    expect(wrong).toEqual([]);
  });
});
