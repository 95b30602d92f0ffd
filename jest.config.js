/** ECMAScript modules only, and jest loads CommonJS. */
const modules = 'jose|aedes';
/** Costly to evaluate, and the same for every test. */
const native = 'aws-cdk-lib|constructs|cdk-nag|dynalite|playwright-core';

/** @type {import('jest').Config} */
module.exports = {
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  transform: {
    '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2023', parser: { syntax: 'typescript' } } }],
    [`/node_modules/(${modules})/.+\\.js$`]: ['@swc/jest', { jsc: { target: 'es2023' } }],
    [`/node_modules/(${native})/.+\\.js$`]: '<rootDir>/test/support/native-packages.js',
  },
  transformIgnorePatterns: [`/node_modules/(?!(${modules}|${native})/)`],
  globalSetup: '<rootDir>/test/support/node-version.ts',
  testEnvironment: '<rootDir>/test/support/native-packages.js',
  maxWorkers: 3, // on two cores: many tests wait for a clock, a browser or a program
  testTimeout: 60_000, // A test that waits for a busy machine is not a failing one.
};
