const { TestEnvironment } = require('jest-environment-node');

/**
 * Loads a package as Node.js does, once for a worker. jest evaluates every module anew for each test file, and with those of
 * aws-cdk-lib that takes 0.8 seconds of a core in each file that builds a stack.
 *
 * It is both halves of that, which know each other by `requireNatively`: a test environment, and a transformer for the
 * packages of which `jest.config.js` names it. Only for packages that keep nothing from one test to the next, and whose
 * errors no test compares by `instanceof`: their `Error` and `Array` are not those of the tests.
 */
module.exports = class extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    this.global.requireNatively = require;
  }

  static process(_source, file) {
    return { code: `module.exports = requireNatively(${JSON.stringify(file)});` };
  }
};
