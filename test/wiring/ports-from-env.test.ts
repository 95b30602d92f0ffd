import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { HttpSender } from '../../lambdas/aws/http-sender';
import { portsFromEnvironment } from '../../lambdas/wiring/ports-from-env';

const keys = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', CONNECTIONS_TABLE: 'connections' };

/** The host that a store of this environment calls. */
async function hostCalled(environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  let host: string | undefined;
  jest.spyOn(HttpSender.prototype, 'send').mockImplementation(function (this: HttpSender) {
    host = this.host;
    return Promise.resolve({ status: 200, headers: {}, body: '{}' });
  });
  await portsFromEnvironment({ ...keys, ...environment }).connectionStore.read('JC1dgf9yoAMCK-g=');
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

  it('call another endpoint when they are told to', async () => {
    const environment = { AWS_REGION: 'us-east-1', AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:8000' };

    expect(await hostCalled(environment)).toBe('127.0.0.1:8000');
  });
});
