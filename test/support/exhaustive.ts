import { describe, it, jest } from '@jest/globals';

jest.setTimeout(600_000); // for every test of the file that imports this: thousands of requests, perhaps on a busy machine

/** True in `npm run test:fast`. Every other run, CI included, tries all cases. */
const isFast = process.env.TEST_FAST === '1';

/** `describe` for tests that try every order of requests. `npm run test:fast` skips them. */
export const describeExhaustive = isFast ? describe.skip : describe;

/** `it` for a test that tries every order of requests. `npm run test:fast` skips it. */
export const itExhaustive = isFast ? it.skip : it;

/** Returns the number of random cases to try: all of them, or a tenth in `npm run test:fast`. */
export function randomCases(all: number): number {
  return isFast ? Math.ceil(all / 10) : all;
}
