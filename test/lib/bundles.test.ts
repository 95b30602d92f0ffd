import { describe, expect, it } from '@jest/globals';
import { bundleOf, loadTimes } from '../../bench/bundles';
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

  it('has clients of the SDK only where they were chosen', () => {
    const clients = /client-apigatewaymanagementapi|DynamoDBClient\.js|credential-provider/;
    const clientsIn = (awsClients: 'lean' | 'sdk') =>
      bundleOf('onPackets', awsClients).sources.filter((source) => clients.test(source));

    expect(clientsIn('lean')).toEqual([]);
    expect(clientsIn('sdk').length).toBeGreaterThan(2);
  });
});
