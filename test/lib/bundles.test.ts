import { beforeAll, describe, expect, it } from '@jest/globals';
import { type BundledFunction, bundledFunctions, bundlesOf, type DeployedBundle, loadTimes } from '../../bench/bundles';
import { type FunctionName, functions } from '../../lambdas/deployment';

/**
 * Bytes of a function as it is deployed, with some room. A cold start reads, compiles and runs all of them, with a seventh
 * of a processor in the handshake, and a client waits for it.
 */
const budgets: { readonly [Name in FunctionName]: number } = {
  onConnect: 50_000,
  onPackets: 340_000,
  onFanOut: 340_000,
  onTimer: 100_000, // with the topic index, of which it removes unused shapes
  onSchedule: 100_000, // with the look for leftovers
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

  it.each(names)('is loaded in a process of its own, as a cold start does, and timed: %s', (name) => {
    const [milliseconds] = loadTimes(lean.get(name)!, 1);

    expect(milliseconds).toBeGreaterThan(0);
  });

  it('has nothing of the AWS SDK in the handshake', () => {
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
