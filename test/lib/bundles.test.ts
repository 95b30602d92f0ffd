import { describe, expect, it } from '@jest/globals';
import { bundleOf, loadTimes } from '../../bench/bundles';
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
  it.each(names)('is within its budget: %s', (name) => {
    expect(bundleOf(name).code.length).toBeLessThanOrEqual(budgets[name]);
  });

  it.each(names)('is loaded and timed in a separate process, like a cold start: %s', (name) => {
    const [milliseconds] = loadTimes(bundleOf(name), 1);

    expect(milliseconds).toBeGreaterThan(0);
  });

  it('has no AWS SDK in the handshake', () => {
    const ofSdk = bundleOf('onConnect').sources.filter((source) => /@aws-sdk|@smithy/.test(source));

    expect(ofSdk).toEqual([]);
  });

  it('has SDK clients only with awsClients sdk', () => {
    const clients = /client-apigatewaymanagementapi|DynamoDBClient\.js|credential-provider/;
    const clientsIn = (awsClients: 'lean' | 'sdk') =>
      bundleOf('onPackets', awsClients).sources.filter((source) => clients.test(source));

    expect(clientsIn('lean')).toEqual([]);
    expect(clientsIn('sdk').length).toBeGreaterThan(2);
  });
});
