import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DynamoUsages } from '../../lambdas/storage/account-usage';
import { Engine } from './support/engine';

describe('what an account has lately used', () => {
  let engine: Engine;
  let usages: DynamoUsages;

  beforeAll(async () => {
    engine = await Engine.start();
    usages = new DynamoUsages(engine.client(), engine.table('inflight'));
  });

  afterAll(() => engine.stop());

  it('is what was written last', async () => {
    const allowance = { messages: 3, bytes: 4, at: 5 };
    await usages.write('user#ann', { debt: 1, at: 2 });
    await usages.write('user#ann', { debt: 6, at: 7, allowance });

    expect(await usages.read('user#ann')).toEqual({ debt: 6, at: 7, allowance });
  });

  it('is nothing where nothing was written', async () => {
    expect(await usages.read('user#ben')).toBeUndefined();
  });
});
