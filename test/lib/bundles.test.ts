import { describe, expect, it } from '@jest/globals';
import { type BundledFunction, bundledFunctions, bundleOf, loadTimes } from '../../bench/bundles';
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
  it.each(names)('is within its budget: %s', (name) => {
    expect(bundleOf(name).code.length).toBeLessThanOrEqual(budgets[name]);
  });

  it.each(names)('is loaded in a process of its own, as a cold start does, and timed: %s', (name) => {
    const [milliseconds] = loadTimes(bundleOf(name), 1);

    expect(milliseconds).toBeGreaterThan(0);
  });

  it('has nothing of the AWS SDK in the handshake', () => {
    const ofSdk = bundleOf('onConnect').sources.filter((source) => /@aws-sdk|@smithy/.test(source));

    expect(ofSdk).toEqual([]);
  });

  /** The clients that a bundle has code of: classes of the SDK's clients, and files of our own ones. */
  const clientsIn = (name: BundledFunction, awsClients: 'lean' | 'sdk') => {
    const { sources } = bundleOf(name, awsClients);
    return {
      lean: sources.filter((source) => source.startsWith('lambdas/aws/lean/')),
      sdk: sources.filter((source) => /@aws-sdk\/client-[^/]+\/.*Client\.js$/.test(source)),
    };
  };

  it.each(bundledFunctions)('has no client of the SDK with `lean`, except the one of AWS IoT Core: %s', (name) => {
    expect(clientsIn(name, 'lean').sdk).toHaveLength(name === 'onBridgeOut' ? 1 : 0);
  });

  it.each(bundledFunctions)('has only clients of the SDK with `sdk`: %s', (name) => {
    const { lean, sdk } = clientsIn(name, 'sdk');

    expect(lean).toEqual([]);
    expect(sdk.length).toBeGreaterThan(0);
  });
});
