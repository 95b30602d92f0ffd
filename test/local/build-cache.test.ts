import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Build, BuildCache } from '../../local/build-cache';

const inputs = ['lambdas/on-packets.ts', 'lambdas/broker/turn/turn.ts', 'node_modules/jose/dist/index.js'];
/** Milliseconds for which a new file is not trusted. */
const tolerance = 50;

describe('a build', () => {
  let root: string;
  let folder: string;
  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'cirrus-builds-'));
    folder = join(root, 'node_modules/.cache/builds');
    for (const file of [...inputs, 'package.json', 'tsconfig.json', 'node_modules/jose/package.json']) write(file, 'a');
    await sleep(tolerance + 20);
  });
  afterEach(() => rmSync(root, { recursive: true }));

  function write(file: string, text: string): void {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }

  let builds = 0;
  const make = (): Build => ({ files: [{ name: 'onPackets.js', contents: Buffer.from(`build ${++builds}`) }], inputs });

  /** Returns the build that another process would get: its number. */
  function get(key = 'options'): number {
    const files = new BuildCache(root, folder, tolerance).get(key, make);
    expect(files).toEqual([{ name: 'onPackets.js', contents: expect.anything() }]);
    return Number(/^build (\d+)$/.exec(String(Buffer.from(files[0]!.contents)))?.[1]);
  }

  it('serves other processes, under its key', async () => {
    const first = get();
    await sleep(tolerance + 20);

    expect(get()).toBe(first);
    expect(get('other options')).toBe(first + 1);
    expect(get('other options')).toBe(first + 1);
    expect(get()).toBe(first);
  });

  it.each<[string, () => void]>([
    ['a source is another', () => write('lambdas/broker/turn/turn.ts', 'b')],
    ['a source of a package is another', () => write('node_modules/jose/dist/index.js', 'b')],
    ['a source is gone', () => rmSync(join(root, 'lambdas/broker/turn/turn.ts'))],
    ['a file is new that an import might mean', () => write('lambdas/broker/turn.tsx', 'a')],
    ['a folder is new that an import might mean', () => write('lambdas/node_modules/jose/index.js', 'a')],
    ['a package says otherwise which files it has', () => write('node_modules/jose/package.json', 'b')],
    ['the compiler is told otherwise how to read', () => write('tsconfig.json', 'b')],
  ])('is made anew when %s', async (_what, change) => {
    const before = get();
    expect(get()).toBe(before);

    change();

    expect(get()).toBeGreaterThan(before);
  });

  it('is the same when nothing but times is new', async () => {
    const before = get();

    utimesSync(join(root, inputs[0]!), new Date(), new Date());

    expect(get()).toBe(before);
  });

  it('is not kept when a source was written meanwhile', async () => {
    const cache = new BuildCache(root, folder, tolerance);
    const files = cache.get('raced', () => {
      const build = make();
      write('lambdas/on-packets.ts', 'newer than what was read');
      return build;
    });

    expect(get('raced')).toBe(builds);
    expect(String(files[0]!.contents)).not.toBe(`build ${builds}`);
  });

  it('is made every time where nothing can be written', () => {
    folder = join(root, 'package.json/builds');
    const first = get();

    expect(get()).toBe(first + 1);
  });

  it('leaves nothing unfinished', async () => {
    get();
    await sleep(tolerance + 20); // the folder itself is new
    get('other options');

    expect(readdirSync(folder)).toEqual([1, 2].map(() => expect.stringMatching(/^[0-9a-f]{64}$/)));
  });
});
