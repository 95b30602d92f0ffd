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
  maxWorkers: 2,
  testTimeout: 20_000,
};
