import { describe, expect, it } from '@jest/globals';
import { bytesOf, bytesOfHex, hexDump, prettyJson, previewOf, textOf } from '../../../console/model/payload';

const bytes = (...values: number[]) => Uint8Array.from(values);
const utf8 = (text: string) => new TextEncoder().encode(text);

describe('a payload as text', () => {
  it('is its UTF-8, a byte order mark included', () => {
    expect(textOf(utf8('\ufeffgrün'))).toBe('\ufeffgrün');
  });

  it('is nothing where it is not UTF-8', () => {
    expect(textOf(bytes(0x80))).toBeUndefined();
  });
});

describe('a payload as JSON', () => {
  it.each([
    ['{}', '{}'],
    ['[ ]', '[]'],
    ['7', '7'],
    ['{"a":[1,{"b":null}],"c":"x"}', '{\n  "a": [\n    1,\n    {\n      "b": null\n    }\n  ],\n  "c": "x"\n}'],
    ['{"brace":"}{[,:\\""}', '{\n  "brace": "}{[,:\\""\n}'],
  ])('%s gets line breaks', (text, pretty) => {
    expect(prettyJson(text)).toBe(pretty);
  });

  it('keeps what JavaScript would lose: long numbers, repeated names, the spelling of numbers', () => {
    expect(prettyJson('{"n":12345678901234567890,"n":1.0}')).toBe('{\n  "n": 12345678901234567890,\n  "n": 1.0\n}');
  });

  it.each(['', 'on', '{', "{'a':1}", '[1,]'])('is nothing where it is none: %j', (text) => {
    expect(prettyJson(text)).toBeUndefined();
  });
});

describe('a payload in hex', () => {
  it('has sixteen bytes to a line, with their offset and what is ASCII', () => {
    expect(hexDump(utf8('0123456789abcdefg\n'))).toBe(
      [
        '000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef',
        `000010  67 0a${' '.repeat(43)} g.`,
      ].join('\n'),
    );
  });

  it('is read with or without white space', () => {
    expect(bytesOfHex(' 00 fF\n10')).toEqual(bytes(0x00, 0xff, 0x10));
    expect(bytesOfHex('00ff10')).toEqual(bytes(0x00, 0xff, 0x10));
    expect(bytesOfHex('')).toEqual(bytes());
  });

  it.each([
    ['0g', 'hex has "g", but must have digits 0 to 9 and a to f only'],
    ['abc', 'hex has 3 digits, but must have two for each byte'],
  ])('refuses %j, and says why', (typed, message) => {
    expect(() => bytesOfHex(typed)).toThrow(message);
  });
});

describe('a payload in one line', () => {
  it.each([
    ['nothing', utf8(''), '(empty)'],
    ['lines', utf8('a\n  b'), 'a b'],
    ['bytes', bytes(0xff, 0x00), 'ff 00'],
    ['many bytes', new Uint8Array(40).fill(0xff), `${'ff '.repeat(32)}…`],
  ])('shows %s', (_what, payload, preview) => {
    expect(previewOf(payload)).toBe(preview);
  });

  it('is cut, though not within a character', () => {
    expect(previewOf(utf8(`${'x'.repeat(239)}ü and more`))).toBe('x'.repeat(239));
  });
});

describe('what was typed', () => {
  it('is sent as it is, as text and as JSON', () => {
    expect(bytesOf('ü ', 'text')).toEqual(utf8('ü '));
    expect(bytesOf('{ "a": 1 }', 'json')).toEqual(utf8('{ "a": 1 }'));
  });

  it('is refused as JSON where it is none', () => {
    expect(() => bytesOf('{a:1}', 'json')).toThrow(SyntaxError);
  });
});
