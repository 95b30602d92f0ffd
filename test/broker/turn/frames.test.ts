import { describe, expect, it } from '@jest/globals';
import type { ConnectionEvent, FrameEvent } from '../../../lambdas/broker/model/connection-event';
import { FrameReader, orderFrames } from '../../../lambdas/broker/turn/frames';

describe('frames that waited for their turn', () => {
  const frame = { number: 2, bytes: Buffer.from([0xc0, 0]), eventId: 'second', receivedAt: 5, connectedAt: 1 };
  const wake = (redelivered: boolean): ConnectionEvent => ({
    ...{ id: 'wake', connectionId: 'one', kind: 'wake', receivedAt: 6, redelivered, exhausted: false },
  });

  it.each([true, false])(
    'may have been handled before when an event that is no frame comes again: %s',
    (redelivered) => {
      const { ready } = orderFrames(
        { lastNumber: 1, early: [frame] },
        [wake(redelivered)],
        new FrameReader(1000).frame,
      );

      expect(ready).toEqual([{ ...frame, redelivered }]);
    },
  );
});

describe('the frames of one turn', () => {
  const reader = new FrameReader(1000);
  const event: FrameEvent = {
    ...{ id: 'event', connectionId: 'one', kind: 'message', receivedAt: 5, connectedAt: 1, address: '' },
    ...{ text: `1.${Buffer.from([0xc0, 0, 0xc0, 0]).toString('base64')}`, redelivered: false, exhausted: false },
  };

  it('are parsed once, however many kinds of turn read them', () => {
    const frame = reader.frame(event);
    if (frame instanceof Error) throw frame;
    const split = reader.split(Buffer.alloc(0), frame.bytes);
    const [first = Buffer.alloc(0)] = split.packets;
    const packet = reader.decode(first, 4);

    expect(split.packets).toHaveLength(2);
    expect(reader.frame(event)).toBe(frame);
    expect(reader.split(Buffer.alloc(0), frame.bytes)).toBe(split);
    expect(reader.decode(first, 4)).toBe(packet);
  });

  it('are split anew behind the beginning of a packet, and decoded anew in another version', () => {
    const frame = reader.frame(event);
    if (frame instanceof Error) throw frame;
    const [first = Buffer.alloc(0)] = reader.split(Buffer.alloc(0), frame.bytes).packets;
    const packet = reader.decode(first, 4);

    expect(reader.split(Buffer.from([0xc0, 0]), frame.bytes).packets).toHaveLength(3);
    expect(reader.decode(first, 5)).not.toBe(packet);
  });
});
