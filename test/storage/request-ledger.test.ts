import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DynamoRequestLedger } from '../../lambdas/storage/request-ledger';
import { type Cloud, startCloud } from '../../local/cloud';

describe('the ledger of requests', () => {
  let cloud: Cloud;
  let now = 1_000_000;
  let ledger: DynamoRequestLedger;
  beforeAll(async () => {
    cloud = await startCloud({ containers: 1 });
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const db = new DynamoDBClient({ endpoint: cloud.endpoints.dynamodb, region: 'us-east-1', credentials });
    ledger = new DynamoRequestLedger(db, 'cirrus-inflight', () => now);
  });
  afterAll(() => cloud.stop());

  it('lets one of many begin, and the others know', async () => {
    const begun = await Promise.all(Array.from({ length: 8 }, () => ledger.begin('many', 'f')));

    expect(begun.sort()).toEqual(['begun', ...Array(7).fill('running')]);
  });

  it('returns the response to a repeated request, and nothing to another request', async () => {
    await ledger.begin('answered', 'f');
    await ledger.finish('answered', 'f', '{"status":200}');
    now += 60_000;

    expect(await ledger.begin('answered', 'f')).toEqual({ answer: '{"status":200}' });
    expect(await ledger.begin('answered', 'g')).toBe('other');
  });

  it('lets one go on when the first had its time, or has failed', async () => {
    await ledger.begin('died', 'f');
    now += 29_999;
    expect(await ledger.begin('died', 'f')).toBe('running');
    now += 2;
    const begun = await Promise.all(Array.from({ length: 4 }, () => ledger.begin('died', 'f')));
    expect(begun.sort()).toEqual(['resumed', 'running', 'running', 'running']);

    await ledger.release('died', 'f');
    expect(await ledger.begin('died', 'g')).toBe('other');
    expect(await ledger.begin('died', 'f')).toBe('resumed');
  });
});
