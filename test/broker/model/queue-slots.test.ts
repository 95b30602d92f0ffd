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

function slotsOf(places: readonly QueuePosition[]): number[] {
  return [...new Set(places.map(({ slot }) => slot))];
}

describe('places in the ring', () => {
  it('are shared by eight small messages in a row, and by no fewer', () => {
    const places = positionsFor(Array(2 * bundleSize + 3).fill(small), 100);

    expect(places.map(({ number }) => number)).toEqual(places.map((_, index) => 100 + index));
    expect(slotsOf(places).length).toBe(2 + 3);
    expect(places.map(({ packetId }) => isBundled(packetId))).toEqual(places.map((_, index) => index < 2 * bundleSize));
  });

  it('are not shared by what is large or has to lie alone', () => {
    const eight = Array(bundleSize).fill(small);

    expect(slotsOf(positionsFor([...eight.slice(1), bundleBytes], 1)).length).toBe(bundleSize);
    expect(slotsOf(positionsFor([...eight.slice(1), 'alone'], 1)).length).toBe(bundleSize);
    expect(slotsOf(positionsFor(['alone', ...eight], 1)).length).toBe(2);
  });

  it('are told from the packet id alone', () => {
    const places = [...positionsFor(Array(bundleSize).fill(small), 77), positionAlone(85)];

    expect(places.map(({ packetId }) => slotOf(packetId))).toEqual(places.map(({ slot }) => slot));
  });

  it('[MQTT-2.2.1-4] have packet ids from 1 to 65,535, and none twice within what may be unacknowledged', () => {
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
        for (const place of positionsFor(sizes, number)) {
          const start = place.number - (place.packetId - place.slot);
          const isNew = !packetIds.has(place.packetId) && (starts.get(place.slot) ?? start) === start;
          if (place.packetId < 1 || place.packetId > 65_535 || !isNew) wrong.push(place);
          packetIds.add(place.packetId);
          starts.set(place.slot, start);
        }
        number += sizes.length;
      }
    }

    expect(wrong).toEqual([]);
  });
});
