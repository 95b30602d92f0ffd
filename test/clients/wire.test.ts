import { createHash } from 'node:crypto';
import { describe, expect, it, jest } from '@jest/globals';
import * as wire from '../../clients/wire';
import vectors from '../../docs/wire-vectors.json';
import { gatewayMaxPacketSize, maxIncomingPacketSize } from '../../lambdas/protocol/limits';
import { wholePacketBytes } from './support/packets';

const expand = (text: string) =>
  text.replace(/<(\d+)\*([^>]*)>/g, (_match, count: string, unit: string) => unit.repeat(Number(count)));

const bytesOf = (hex: string) => Buffer.from(expand(hex), 'hex');

/** A failing test should not print 100 KB. */
const inShort = (text: string) =>
  text.length < 200 ? text : `${text.slice(0, 80)}... ${createHash('sha1').update(text).digest('hex')}`;

function play(writes: string[], { FrameWriter }: typeof wire = wire): string[] {
  const frames: string[] = [];
  const writer = new FrameWriter((frame) => frames.push(frame));
  for (const write of writes) {
    if (write === '') writer.flush();
    else writer.write(bytesOf(write));
  }
  writer.flush();
  return frames;
}

/** The wire format as a browser runs it. */
function wireWithoutBuffer(): typeof wire {
  const { Buffer } = globalThis;
  let loaded: typeof wire | undefined;
  try {
    Object.assign(globalThis, { Buffer: undefined });
    jest.isolateModules(() => {
      loaded = require('../../clients/wire');
    });
  } finally {
    Object.assign(globalThis, { Buffer });
  }
  return loaded!;
}

describe.each([
  ['in Node', wire],
  ['in a browser', wireWithoutBuffer()],
])('the wire format %s, by its test vectors', (_where, implementation) => {
  it.each(vectors.clientToServer)('writes: $name', ({ writes, frames }) => {
    expect(play(writes, implementation).map(inShort)).toEqual(frames.map(expand).map(inShort));
  });

  it.each(vectors.clientToServerErrors)('refuses to write: $name', ({ writes, error }) => {
    expect(() => play(writes, implementation)).toThrow(error);
  });

  it.each(vectors.serverToClient)('reads: $name', ({ frame, bytes }) => {
    const read = implementation.readFrame(expand(frame));

    expect(inShort(Buffer.from(read).toString('hex'))).toBe(inShort(expand(bytes)));
  });

  it.each(vectors.serverToClientErrors)('refuses to read: $name', ({ frame, error }) => {
    expect(() => implementation.readFrame(expand(frame))).toThrow(new Error(error));
  });
});

describe('the limits of the clients', () => {
  it('are those of the broker', () => {
    expect(wire.MAX_PACKET_BYTES).toBe(maxIncomingPacketSize);
    expect(wire.MAX_DELIVERED_BYTES).toBe(gatewayMaxPacketSize);
  });
});

describe('the frame writer', () => {
  it('gives the same frames for any chunking of a turn', () => {
    const stream = bytesOf('100d00044d51545404020014000161' + '30acea01000161<29993*2a>' + 'c000' + '30060003612f622a');
    const whole = play([stream.toString('hex')]);

    for (let size = 1; size < 6_000; size += 97) {
      expect(play(stream.toString('hex').match(new RegExp(`.{1,${size * 2}}`, 'g'))!)).toEqual(whole);
    }
  });

  it('keeps every frame within the limit of API Gateway when the numbers grow', () => {
    const longestNumber = '999999999999999.'; // 15 digits; a connection lives two hours.
    const base64 = Buffer.alloc(wire.MAX_FRAME_BYTES).toString('base64');

    expect((longestNumber + base64).length).toBe(wire.MAX_FRAME_CHARACTERS);
  });

  it('puts a random stream into whole packets and slices, in order and without loss', () => {
    const packets = Array.from({ length: 400 }, (_, n) => packetOf((n * 7_919) % (n % 20 === 0 ? 60_000 : 900)));
    const stream = Buffer.concat(packets);
    const frames = play(chunksOf(stream).map((chunk) => chunk.toString('hex')));

    const raw = frames.map((frame) => Buffer.from(frame.slice(frame.indexOf('.') + 1), 'base64'));
    expect(Buffer.concat(raw).equals(stream)).toBe(true);
    expect(frames.map((frame) => Number.parseInt(frame, 10))).toEqual(frames.map((_frame, index) => index + 1));
    expect(Math.max(...raw.map((bytes) => bytes.length))).toBeLessThanOrEqual(wire.MAX_FRAME_BYTES);
    expect(framesThatMix(raw)).toEqual([]);
  });
});

/** Frames that hold a packet's end together with another packet. */
function framesThatMix(frames: Buffer[]): Buffer[] {
  let slices = Buffer.alloc(0);
  return frames.filter((bytes) => {
    const stream = Buffer.concat([slices, bytes]);
    const whole = wholePacketBytes(stream);
    const onePacket = wholePacketBytes(stream, Math.max(whole - 1, 0)) === 0;
    const afterSlices = slices.length > 0;
    slices = stream.subarray(whole);
    return (whole > 0 && slices.length > 0) || (afterSlices && whole > 0 && !onePacket);
  });
}

function packetOf(bodyBytes: number): Buffer {
  const length: number[] = [];
  for (let left = bodyBytes; ; left >>= 7) {
    length.push((left & 127) | (left > 127 ? 128 : 0));
    if (left <= 127) break;
  }
  return Buffer.from([0x30, ...length, ...Buffer.alloc(bodyBytes, bodyBytes)]);
}

function chunksOf(stream: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < stream.length; at += chunks.at(-1)!.length) {
    chunks.push(stream.subarray(at, at + 1 + ((chunks.length * 6_151) % 9_000)));
  }
  return chunks;
}
