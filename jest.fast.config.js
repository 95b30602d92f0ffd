/*
 * `npm run test:fast`: the rooms in which most changes are made, within a minute on two cores. It skips tests of every order of
 * requests, tries a tenth of the random cases (test/support/exhaustive.ts), and leaves out the files that need most CPU time. CI runs
 * all tests instead.
 */
process.env.TEST_FAST = '1'; // workers inherit it

/** Tests of the broker by feature. */
const broker = [
  '*.test.ts',
  '{delivery,model,turn}/*.test.ts',
  'outbound/{outbox,topic-aliases}.test.ts',
  'publishing/shared-subscriptions.test.ts',
  'topic-index/recipients.test.ts',
  'v5/{auth,connect,disconnect,message-expiry,publish,reason-codes,request-response,retained}.test.ts',
];

/** @type {import('jest').Config} */
module.exports = {
  ...require('./jest.config.js'),
  testMatch: ['{access,protocol,storage}/**/*.test.ts', ...broker.map((path) => `broker/${path}`)].map(
    (path) => `<rootDir>/test/${path}`,
  ),
  // A large audience, memory and time of hashes, costs, budgets of a turn: more than five seconds of a core each.
  testPathIgnorePatterns: ['/fan-out.test', '/password-hash.test', '/retained-cost.test', '/turn-budget.test'],
  maxWorkers: 2,
};
