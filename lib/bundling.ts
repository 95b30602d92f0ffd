import { join } from 'node:path';
import type { BundlingOptions } from 'aws-cdk-lib/aws-lambda-nodejs';
import { bundleConstants, type Settings } from '../lambdas/settings';

/** Where `lambdas/` is: in a checkout and in an installed package, one folder up from here. */
export const packageRoot = join(__dirname, '..');

/** Everything is in the bundle, the AWS SDK too: what was tested is what runs, and a cold start reads one small file. */
export function bundling(settings: Pick<Settings, 'awsClients'>) {
  return {
    minify: true,
    sourceMap: true,
    sourcesContent: false,
    target: 'node24',
    bundleAwsSDK: true,
    mainFields: ['module', 'main'], // the ES module builds of the SDK, because only those can be tree-shaken
    tsconfig: join(packageRoot, 'tsconfig.json'), // and not that of an app which has this package among its modules
    define: bundleConstants(settings),
  } satisfies BundlingOptions;
}
