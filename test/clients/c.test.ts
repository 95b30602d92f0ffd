import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import vectors from '../../docs/wire-vectors.json';
import { codeBlocks } from '../support/markdown';
import { Compiler, hasCompilers } from './support/compiler';
import { wholePacketBytes } from './support/packets';

const root = join(__dirname, '../..');

if (!hasCompilers) console.warn('there are no gcc and g++: clients/c is NOT tested');

const expand = (text: string) =>
  text.replace(/<(\d+)\*([^>]*)>/g, (_match, count: string, unit: string) => unit.repeat(Number(count)));

const frameBytes = 24_564;

const tooLarge = 'a packet is over the limit of 97280 bytes';

/** The C program's message for an error of the vectors, which contain the shim's. */
const inC = (error: string) => {
  if (error.includes('over the limit')) return `error ${tooLarge}`;
  if (error.startsWith('gateway')) return 'error the gateway reports a failure';
  return `error ${error.replace(/: \d+ characters$/, '')}`;
};

(hasCompilers ? describe : describe.skip)('the wire format in C', () => {
  let compiler: Compiler;
  let program: string;

  beforeAll(() => {
    compiler = new Compiler();
    program = compiler.build('play', ['clients/c/cirrus_wire.c', 'test/clients/c/play.c'], ['clients/c']);
  });

  afterAll(() => compiler.remove());

  function play(commands: string[]): string[] {
    const { stdout, stderr, status } = spawnSync(program, { input: `${commands.join('\n')}\n`, encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr || `it ended with ${status}`);
    return stdout.split('\n').slice(0, -1);
  }

  const written = (writes: string[], size = frameBytes) =>
    play([`begin ${size}`, ...writes.map((write) => (write === '' ? 'flush' : `write ${expand(write)}`)), 'flush']);

  /** The bytes read from the frame in pieces of each of these sizes. */
  const read = (frame: string, ...chunks: number[]) =>
    play(chunks.map((chunk) => `read ${chunk} ${Buffer.from(expand(frame)).toString('hex')}`));

  it.each(vectors.clientToServer)('writes: $name', ({ writes, frames }) => {
    expect(written(writes)).toEqual(frames.map((frame) => `frame ${expand(frame)}`));
  });

  it.each(vectors.clientToServerErrors)('refuses to write: $name', ({ writes, error }) => {
    const [failure, repeated] = written(writes).filter((line) => line.startsWith('error'));

    expect(failure).toBe(inC(error));
    expect(repeated).toBe(failure);
  });

  it.each(vectors.serverToClient)('reads: $name', ({ frame, bytes }) => {
    const chunks = [1, 2, 3, 5, 1_000];

    expect(read(frame, ...chunks)).toEqual(chunks.map(() => `bytes ${expand(bytes)}`));
  });

  it.each(vectors.serverToClientErrors)('refuses to read: $name', ({ frame, error }) => {
    const chunks = [1, 3, 1_000];
    const failures = read(frame, ...chunks).filter((line) => !line.startsWith('bytes'));

    expect(failures).toEqual(chunks.map(() => inC(error)));
  });

  it('creates the same frames for any chunking of a turn', () => {
    const stream = expand('100d00044d51545404020014000161' + '30acea01000161<29993*2a>' + 'c000' + '30060003612f622a');
    const whole = written([stream]);

    for (const size of [1, 7, 4_096])
      expect(written(stream.match(new RegExp(`.{1,${size * 2}}`, 'g')) ?? [])).toEqual(whole);
  });

  it.each([0x32, 0x34])('refuses an oversized PUBLISH once, and discards it when it is resent: %i', (first) => {
    const publish = (header: number) => `${header.toString(16)}fdf705${expand('<97277*2a>')}`;
    const ping = 'c000';
    const repeated = `${ping}${publish(first | 0x08)}${ping}`;

    expect(written([publish(first)])[0]).toBe(`error ${tooLarge}`);
    for (const size of [5, 100, frameBytes])
      expect(written([repeated], size).join()).toMatch(
        size === 5 ? /^frame 1.wAA=,frame 2.wAA=$/ : /^frame 1.wADAAA==$/,
      );
    expect(written(repeated.match(/.{1,14}/g)!)).toEqual(['frame 1.wADAAA==']);
    expect(written([`${first.toString(16)}fcf705${expand('<97276*2a>')}`]).length).toBe(4); // the largest
  });

  it.each([5, 6, 16, 100, 1_024])('cuts packets into frames of %i bytes for devices with little memory', (size) => {
    const packets = ['c000', 'c000', '30060003612f622a', '308002000161<253*2a>', 'c000', '308010000161<2045*2a>'];
    const stream = expand(packets.join(''));

    for (const writes of [[stream], stream.match(/../g)!]) {
      const frames = written(writes, size).map((line) => line.replace('frame ', '').split('.'));
      const raw = frames.map(([, base64 = '']) => Buffer.from(base64, 'base64'));

      expect(Buffer.concat(raw).toString('hex')).toBe(stream);
      expect(frames.map(([number]) => Number(number))).toEqual(frames.map((_frame, index) => index + 1));
      expect(Math.max(...raw.map((bytes) => bytes.length))).toBe(size);
      expect(framesThatMix(raw)).toBe(0);
    }
  });

  it('has a README whose example compiles', () => {
    const [example] = codeBlocks(readFileSync(join(root, 'clients/c/README.md'), 'utf8')).filter(
      ({ language }) => language === 'c',
    );
    const library = 'bool my_websocket_send_text(void *websocket, char *frame, size_t characters);';
    const code = example?.code.replace('#include "cirrus_wire.h"\n', `#include "cirrus_wire.h"\n${library}`);
    expect(code).toContain(library);

    const { status, stderr } = spawnSync('gcc', ['-fsyntax-only', '-Wall', '-Wextra', '-x', 'c', '-Iclients/c', '-'], {
      cwd: root,
      input: code,
      encoding: 'utf8',
    });

    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('refuses a frame size that is below a fixed header or above a frame', () => {
    expect(play(['begin 4', `begin ${frameBytes + 1}`])).toEqual(['error no such size', 'error no such size']);
  });
});

/** Number of frames that contain the end of a sliced packet together with another packet. */
function framesThatMix(frames: Buffer[]): number {
  let slices = Buffer.alloc(0);
  return frames.filter((bytes) => {
    const stream = Buffer.concat([slices, bytes]);
    const whole = wholePacketBytes(stream);
    const endsSlices = slices.length > 0 && whole > 0;
    slices = stream.subarray(whole);
    const packets = endsSlices ? wholePacketBytes(stream, whole - 1) : 0;
    return packets > 0 || (whole > 0 && slices.length > 0);
  }).length;
}
