import { beforeAll, describe, expect, it } from '@jest/globals';
import { type BundledFunction, bundledFunctions, bundlesOf, type DeployedBundle, loadTimes } from '../../bench/bundles';
import { type FunctionName, functions } from '../../lambdas/deployment';

/**
 * Maximum bytes of each deployed function. A cold start reads, compiles and runs all of them while a client waits, in the handshake
 * with a seventh of a vCPU.
 */
const budgets: { readonly [Name in FunctionName]: number } = {
  onConnect: 50_000,
  onPackets: 340_000,
  onFanOut: 340_000,
  onTimer: 100_000, // with the topic index, of which it removes unused shapes
  onSchedule: 100_000, // with the scan for leftovers
  onBridgeOut: 340_000,
  onBridgeIn: 340_000,
  onApi: 300_000,
  onSystemTopics: 300_000,
};

const names = Object.keys(functions) as FunctionName[];

describe('the bundle of a function', () => {
  let lean: ReadonlyMap<BundledFunction, DeployedBundle>;
  let sdk: ReadonlyMap<BundledFunction, DeployedBundle>;
  beforeAll(() => {
    lean = bundlesBy('lean');
    sdk = bundlesBy('sdk');
  });

  it.each(names)('is within its budget: %s', (name) => {
    expect(lean.get(name)?.code.length).toBeLessThanOrEqual(budgets[name]);
  });

  it.each(names)('is loaded and timed in a separate process, like a cold start: %s', (name) => {
    const [milliseconds] = loadTimes(lean.get(name)!, 1);

    expect(milliseconds).toBeGreaterThan(0);
  });

  it('has no AWS SDK in the handshake', () => {
    const ofSdk = lean.get('onConnect')?.sources.filter((source) => /@aws-sdk|@smithy/.test(source));

    expect(ofSdk).toEqual([]);
  });

  it.each(bundledFunctions)('has no client of the SDK with `lean`, except the one of AWS IoT Core: %s', (name) => {
    expect(sdkClientsIn(lean.get(name))).toHaveLength(name === 'onBridgeOut' ? 1 : 0);
  });

  it.each(bundledFunctions)('has only clients of the SDK with `sdk`: %s', (name) => {
    const ofOurOwn = sdk.get(name)?.sources.filter((source) => source.startsWith('lambdas/aws/lean/'));

    expect(ofOurOwn).toEqual([]);
    expect(sdkClientsIn(sdk.get(name)).length).toBeGreaterThan(0);
  });
});

function bundlesBy(awsClients: 'lean' | 'sdk'): ReadonlyMap<BundledFunction, DeployedBundle> {
  return new Map(bundlesOf(bundledFunctions, awsClients).map((bundle, index) => [bundledFunctions[index]!, bundle]));
}

/** Files with the class of a client of the SDK. */
function sdkClientsIn(bundle: DeployedBundle | undefined): string[] {
  return bundle?.sources.filter((source) => /@aws-sdk\/client-[^/]+\/.*Client\.js$/.test(source)) ?? [];
}
