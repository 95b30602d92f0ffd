import { describe, expect, it } from '@jest/globals';
import type { ConnectionEvent } from '../../../lambdas/broker/model/connection-event';
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
