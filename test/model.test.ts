import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

/** Runs a model; returns what it says and whether every run held. */
function run(runs: number, breaks = '', model = 'delivery'): { holds: boolean; says: string } {
  const script = join(__dirname, `../docs/model/${model}.mjs`);
  const { status, stdout } = spawnSync(process.execPath, [script, String(runs)], {
    encoding: 'utf8',
    env: { ...process.env, BREAK: breaks },
  });
  return { holds: status === 0, says: stdout };
}

describe('the model of delivery', () => {
  it('holds under any interleaving and any crash', () => {
    expect(run(3000)).toMatchObject({ holds: true, says: expect.stringContaining('3000 runs held') });
  });

  it.each(['once', 'renumber', 'order', 'live', 'look', 'ask', 'wake', 'close', 'answer', 'kind'])(
    'needs the rule "%s"',
    (rule) => {
      expect(run(500, rule).holds).toBe(false);
    },
  );

  it.each(['wait', 'its will', 'held', 'late frames', 'timer'])('needs the rule of takeover "%s"', (rule) => {
    expect(run(500, rule).holds).toBe(false);
  });

  it('needs to read the ring once more when a client reads again', () => {
    expect(run(1000, 'relieve').holds).toBe(false);
  });

  it('needs to wake the next connection, or else each takeover waits for its timeout', () => {
    const timeouts = (says: string) => Number(/(\d+) takeovers waited/.exec(says)?.[1]);

    expect(timeouts(run(500, 'wake next').says)).toBeGreaterThan(4 * timeouts(run(500).says));
  });

  it('needs to ask before anything new is reserved', () => {
    expect(run(4000, 'ask first').holds).toBe(false);
  });
});

describe('the model of publishing at QoS 2', () => {
  it('holds under any interleaving and any crash', () => {
    expect(run(3000, '', 'publishing')).toMatchObject({
      holds: true,
      says: expect.stringContaining('3000 runs held'),
    });
  });

  it.each(['adopt', 'together', 'turns', 'drop'])('needs the rule "%s"', (rule) => {
    expect(run(2000, rule, 'publishing').holds).toBe(false);
  });
});

describe('the model of a retained topic', () => {
  it('holds under any interleaving and any crash', () => {
    expect(run(20_000, '', 'retained')).toMatchObject({ holds: true, says: '20000 runs held\n' });
  });

  it.each(['store first', 'read index after', 'wait', 'ask', 'read again', 'once', 'correct'])(
    'needs the rule "%s"',
    (rule) => {
      expect(run(10_000, rule, 'retained').holds).toBe(false);
    },
  );
});
