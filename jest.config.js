/** Packages that are ECMAScript modules only; jest loads CommonJS. */
const modules = 'jose|aedes';
/** Packages that are expensive to evaluate and the same for every test. */
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
  maxWorkers: 3, // for two cores, because many tests wait for a clock, a browser or a program
  testTimeout: 60_000, // a slow machine must not fail a test
};
