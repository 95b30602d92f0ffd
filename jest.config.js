/** @type {import('jest').Config} */
module.exports = {
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  transform: {
    '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2023', parser: { syntax: 'typescript' } } }],
    // These are ECMAScript modules only, and jest loads CommonJS.
    '/node_modules/(jose|aedes)/.+\\.js$': ['@swc/jest', { jsc: { target: 'es2023' } }],
    '/node_modules/(aws-cdk-lib|constructs|cdk-nag|dynalite)/.+\\.js$': '<rootDir>/test/support/native-packages.js',
  },
  transformIgnorePatterns: ['/node_modules/(?!(jose|aedes|aws-cdk-lib|constructs|cdk-nag|dynalite)/)'],
  testEnvironment: '<rootDir>/test/support/native-packages.js',
  maxWorkers: 3, // on two cores: many tests wait for a clock, a browser or a program
  testTimeout: 20_000,
};
