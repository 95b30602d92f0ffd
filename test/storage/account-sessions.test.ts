import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DynamoAccountSessions } from '../../lambdas/storage/account-sessions';
import { Engine } from './support/engine';
import { longest } from './support/messages';

describe('the sessions of an account', () => {
  let engine: Engine;
  let sessions: DynamoAccountSessions;

  beforeAll(async () => {
    engine = await Engine.start();
    sessions = new DynamoAccountSessions(engine.client(), engine.table('sessions'));
  });

  afterAll(() => engine.stop());

  it('are those of its clients, each once, and of no other account', async () => {
    await sessions.add('user#ann', 'kitchen');
    await sessions.add('user#ann', 'kitchen');
    await sessions.add('user#ben', 'garage');

    expect((await sessions.add('user#ann', 'hall')).sort()).toEqual(['hall', 'kitchen']);
  });

  it('are fewer when one was removed, once or twice', async () => {
    await sessions.add('user#eve', 'kitchen');
    await sessions.remove('user#eve', 'kitchen');
    await sessions.remove('user#eve', 'kitchen');

    expect(await sessions.add('user#eve', 'hall')).toEqual(['hall']);
  });

  it('may have names of any length', async () => {
    const account = `user#${longest('u', 'x')}`;
    const names = [longest('c', 'a'), longest('c', 'b')];
    for (const name of names) await sessions.add(account, name);

    expect((await sessions.add(account, names[0]!)).sort()).toEqual(names);
  });
});
