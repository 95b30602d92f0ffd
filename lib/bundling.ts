import { join } from 'node:path';
import type { BundlingOptions } from 'aws-cdk-lib/aws-lambda-nodejs';
import { bundleConstants, type Settings } from '../lambdas/settings';

/** The folder that contains `lambdas/`: the parent of `lib/`, in a checkout and in an installed package. */
export const packageRoot = join(__dirname, '..');

/** Options of esbuild. The bundle includes the AWS SDK: the tested version is the deployed one, and a cold start reads one small file. */
export function bundlingOptions(settings: Pick<Settings, 'awsClients'>) {
  return {
    minify: true,
    sourceMap: true,
    sourcesContent: false,
    target: 'node24',
    bundleAwsSDK: true,
    mainFields: ['module', 'main'], // ES module builds: only those of the SDK can be tree-shaken
    tsconfig: join(packageRoot, 'tsconfig.json'), // not the one of the app that has installed this package
    define: bundleConstants(settings),
  } satisfies BundlingOptions;
}
