import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { RegionInfo } from 'aws-cdk-lib/region-info';
import { HttpSender } from '../../lambdas/aws/lean/http-sender';
import type { Ports } from '../../lambdas/broker/ports/ports';
import { domainOf, endpointIn } from '../../lambdas/wiring/endpoints';
import { portsFromEnvironment } from '../../lambdas/wiring/ports-from-env';

const keys = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', CONNECTIONS_TABLE: 'connections' };

/** The host that a port calls in this environment. */
async function hostCalled(
  environment: NodeJS.ProcessEnv,
  use: (ports: Ports) => Promise<unknown> = ({ connectionStore }) => connectionStore.read('JC1dgf9yoAMCK-g='),
): Promise<string | undefined> {
  let host: string | undefined;
  jest.spyOn(HttpSender.prototype, 'send').mockImplementation(function (this: HttpSender) {
    host = this.host;
    return Promise.resolve({ status: 200, headers: {}, body: '{}' });
  });
  await use(portsFromEnvironment({ ...keys, ...environment }));
  return host;
}

describe('the stores of a container', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it.each([
    ['eu-central-1', 'dynamodb.eu-central-1.amazonaws.com'],
    ['us-gov-west-1', 'dynamodb.us-gov-west-1.amazonaws.com'],
    ['cn-north-1', 'dynamodb.cn-north-1.amazonaws.com.cn'],
    ['cn-northwest-1', 'dynamodb.cn-northwest-1.amazonaws.com.cn'],
  ])('call the DynamoDB of %s at %s', async (region, host) => {
    expect(await hostCalled({ AWS_REGION: region })).toBe(host);
  });

  it('call the domain that AWS CDK knows, in every Region', () => {
    const known = RegionInfo.regions.map(({ name, domainSuffix }) => [name, domainSuffix]);

    expect(known.map(([name]) => [name, domainOf(name ?? '')])).toEqual(known);
  });

  it('call another endpoint if the environment sets one', async () => {
    const environment = { AWS_REGION: 'us-east-1', AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:8000' };

    expect(await hostCalled(environment)).toBe('127.0.0.1:8000');
  });
});

describe('the endpoint of a service', () => {
  const all = 'http://127.0.0.1:4566';
  const own = 'http://127.0.0.1:8000';

  it.each([
    ['its own variable', { AWS_ENDPOINT_URL_DYNAMODB: own, AWS_ENDPOINT_URL: all }, own],
    ['the variable of all services', { AWS_ENDPOINT_URL: all }, all],
    [
      'the variable of all services, when its own is empty',
      { AWS_ENDPOINT_URL_DYNAMODB: '', AWS_ENDPOINT_URL: all },
      all,
    ],
    ['nothing, when both are empty', { AWS_ENDPOINT_URL_DYNAMODB: '', AWS_ENDPOINT_URL: '' }, undefined],
    ['nothing, when there are others only', { AWS_ENDPOINT_URL_SQS: own }, undefined],
  ])('is that of %s', (_title, environment, endpoint) => {
    expect(endpointIn(environment, 'DYNAMODB')).toBe(endpoint);
  });

  it('holds for queues too', async () => {
    const environment = {
      AWS_REGION: 'us-east-1',
      TIMER_QUEUE_URL: 'https://sqs.us-east-1.amazonaws.com/000000000000/timer',
      AWS_ENDPOINT_URL: all,
    };
    expect(await hostCalled(environment, ({ timers }) => timers.scheduleWake('JC1dgf9yoAMCK-g=', 2))).toBe(
      '127.0.0.1:4566',
    );
    jest.restoreAllMocks();
  });
});

describe('the queues of a container', () => {
  const wake = ({ timers }: Ports) => timers.scheduleWake('JC1dgf9yoAMCK-g=', 2);
  const environment = {
    AWS_REGION: 'eu-central-1',
    TIMER_QUEUE_URL: 'https://sqs.eu-central-1.amazonaws.com/000000000000/timer',
  };

  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('are called at the host of their URLs', async () => {
    expect(await hostCalled(environment, wake)).toBe('sqs.eu-central-1.amazonaws.com');
  });

  it('are called at another endpoint if the environment sets one', async () => {
    const elsewhere = { ...environment, AWS_ENDPOINT_URL_SQS: 'http://127.0.0.1:9324' };

    expect(await hostCalled(elsewhere, wake)).toBe('127.0.0.1:9324');
  });

  it('fail without a grant only when they are used', async () => {
    await expect(hostCalled({ AWS_REGION: 'eu-central-1' })).resolves.toBeDefined();
    await expect(hostCalled({ AWS_REGION: 'eu-central-1' }, wake)).rejects.toThrow('no TIMER_QUEUE_URL');
  });
});
