import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { wordsOf } from '../support/markdown';
import { commandsOf, complaintWithoutBroker, Run, Stage } from './support/stage';

jest.setTimeout(180_000);

describe('the chat', () => {
  const [ann = '', bob = '', ...others] = commandsOf('chat');
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open();
  });
  afterAll(() => stage.close());

  it('is started by two commands', () => {
    expect([ann, bob, others]).toEqual([expect.stringContaining(' ann'), expect.stringContaining(' bob'), []]);
  });

  it('shows on return what was missed, in order, and then what is new', async () => {
    const [first, friend, witness] = [stage.type(ann), stage.type(bob), stage.type(bob.replace('bob', 'carl'))];
    await Promise.all([first, friend, witness].map((run) => run.says(/Hello, .*\n/)));
    first.writes('hello');
    await friend.says(/\] ann: hello\n/);
    first.hangUp();
    expect(await first.status).toBe(0);

    friend.writes('are you there?');
    friend.writes('well, good night');
    await witness.says(/bob: well, good night\n/);
    const second = stage.type(ann);
    const missed = 'While you were away:\\n\\[.*\\] bob: are you there\\?\\n\\[.*\\] bob: well, good night\\n';
    await second.says(new RegExp(`^Welcome back, ann\\.\\n${missed}`));

    friend.writes('there you are');
    await second.says(/^\[.*\] bob: there you are\n/);
    expect(friend.output).not.toContain('bob:');
  });

  it('lets one person be there once, and says so', async () => {
    const here = stage.type(`${ann}ie`);
    await here.says(/Hello/);

    const elsewhere = stage.type(`${ann}ie`);

    expect(await here.status).toBe(1);
    expect(here.errors).toContain('annie has connected elsewhere\n');
    await elsewhere.says(/Welcome back, annie/);
  });

  it('complains in a line about a name that cannot be, typed to the letter', async () => {
    const run = new Run(wordsOf(ann.replace(/ann$/, 'a/b')), {});

    expect(await run.status).toBe(1);
    expect(run.errors).toContain('the name is "a/b", but must be 1 to 32 letters, digits, _ or -\n');
    expect(run.errors).not.toContain('    at ');
  });

  it('prints one line if the broker is unreachable', async () => {
    expect(await complaintWithoutBroker(ann)).toMatch(
      /^1: no connection to ws:\/\/127\.0\.0\.1:9\/mqtt \(.*ECONNREFUSED.*\): is "npm start" running\?\n$/,
    );
  });
});
