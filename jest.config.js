/** @type {import('jest').Config} */
module.exports = {
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  transform: {
    '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2023', parser: { syntax: 'typescript' } } }],
    '/node_modules/(jose|aedes)/.+\\.js$': ['@swc/jest', { jsc: { target: 'es2023' } }],
  },
  // These are ECMAScript modules only, and jest loads CommonJS.
  transformIgnorePatterns: ['/node_modules/(?!(jose|aedes)/)'],
  testEnvironment: 'node',
  maxWorkers: 3, // on two cores: many tests wait for a clock, a browser or a program
  testTimeout: 60_000, // A test that waits for a busy machine is not a failing one.
};
