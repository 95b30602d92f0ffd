const { TestEnvironment } = require('jest-environment-node');

/**
 * Loads packages with Node.js, once per worker. jest evaluates every module again for each test file; for aws-cdk-lib that takes
 * 0.8 seconds of CPU time in each file that builds a stack.
 *
 * This class is the test environment, and also the transformer of the packages that `jest.config.js` lists; `requireNatively` connects
 * the two. A package must keep no state between tests, and no test may check its errors with `instanceof`, because its `Error` and
 * `Array` differ from those of the tests.
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
