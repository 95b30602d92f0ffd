import { afterEach, beforeEach, jest } from '@jest/globals';

/** In these tests calls are repeated without the random pauses in between, which with the SDK are seconds. */
export function withoutPauses(): void {
  let random: jest.SpiedFunction<() => number>;
  beforeEach(() => {
    random = jest.spyOn(Math, 'random').mockReturnValue(0);
  });
  afterEach(() => random.mockRestore());
}
