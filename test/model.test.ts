import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

/** Runs a model. Returns its output, and whether every run held. */
function run(runs: number, breaks = '', model = 'delivery'): { holds: boolean; output: string } {
  const script = join(__dirname, `../docs/model/${model}.mjs`);
  const { status, stdout } = spawnSync(process.execPath, [script, String(runs)], {
    encoding: 'utf8',
    env: { ...process.env, BREAK: breaks },
  });
  return { holds: status === 0, output: stdout };
}

describe('the model of delivery', () => {
  it('holds under any interleaving and any crash', () => {
    expect(run(3000)).toMatchObject({ holds: true, output: expect.stringContaining('3000 runs held') });
  });

  it.each(['record', 'renumber', 'order', 'direct', 'recheck', 'request', 'wake', 'close', 'handled', 'kind'])(
    'needs the rule "%s"',
    (rule) => {
      expect(run(500, rule).holds).toBe(false);
    },
  );

  it.each(['wait', 'owner will', 'held', 'late frames', 'timer'])('needs the rule of takeover "%s"', (rule) => {
    expect(run(500, rule).holds).toBe(false);
  });

  it('needs to read the outbound queue once more when the congestion ends', () => {
    expect(run(1000, 'reread').holds).toBe(false);
  });

  it('needs to wake the next connection, otherwise each takeover waits for its timeout', () => {
    const timeouts = (output: string) => Number(/(\d+) takeovers waited/.exec(output)?.[1]);

    expect(timeouts(run(500, 'wake next').output)).toBeGreaterThan(4 * timeouts(run(500).output));
  });

  it('needs to request a wake before new numbers are reserved', () => {
    expect(run(4000, 'request first').holds).toBe(false);
  });
});

describe('the model of publishing at QoS 2', () => {
  it('holds under any interleaving and any crash', () => {
    expect(run(3000, '', 'publishing')).toMatchObject({
      holds: true,
      output: expect.stringContaining('3000 runs held'),
    });
  });

  it.each(['adopt', 'together', 'turns', 'drop'])('needs the rule "%s"', (rule) => {
    expect(run(2000, rule, 'publishing').holds).toBe(false);
  });
});

describe('the model of a retained topic', () => {
  it('holds under any interleaving and any crash', () => {
    expect(run(20_000, '', 'retained')).toMatchObject({ holds: true, output: '20000 runs held\n' });
  });

  it.each(['store first', 'read index after', 'wait', 'request', 'read again', 'record', 'correct'])(
    'needs the rule "%s"',
    (rule) => {
      expect(run(10_000, rule, 'retained').holds).toBe(false);
    },
  );
});
