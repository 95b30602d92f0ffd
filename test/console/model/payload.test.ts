import { describe, expect, it } from '@jest/globals';
import {
  cutText,
  decodeText,
  formatPreview,
  hexDump,
  parseHex,
  parsePayload,
  prettyJson,
  textExcerpt,
} from '../../../console/model/payload';
import { naming } from '../../cli/naming';

const bytes = (...values: number[]) => Uint8Array.from(values);
const utf8 = (text: string) => new TextEncoder().encode(text);

describe('a payload as text', () => {
  it('is decoded as UTF-8, with its byte order mark', () => {
    expect(decodeText(utf8('\ufeffgrün'))).toBe('\ufeffgrün');
  });

  it('is undefined if it is not UTF-8', () => {
    expect(decodeText(bytes(0x80))).toBeUndefined();
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
    expect(prettyJson(text, 1000)).toEqual({ text: pretty, isCut: false });
  });

  it('keeps tokens as written: long numbers, repeated names, number formats', () => {
    expect(prettyJson('{"n":12345678901234567890,"n":1.0}', 1000)?.text).toBe(
      '{\n  "n": 12345678901234567890,\n  "n": 1.0\n}',
    );
  });

  it('replaces everything deeper than 32 levels by an ellipsis', () => {
    const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
    const shown = prettyJson(nested(40), 100_000)!;

    expect(shown.isCut).toBe(false);
    expect(shown.text.match(/\[/g)).toHaveLength(32);
    expect(shown.text).toContain(`\n${' '.repeat(62)}[…]\n`);
    expect(prettyJson(nested(32), 100_000)!.text).not.toContain('…');
    expect(prettyJson(`${'{"a":'.repeat(40)}1${'}'.repeat(40)}`, 100_000)!.text).toContain('"a": {…}');
    expect(prettyJson(`[${nested(40)},2]`, 100_000)!.text.endsWith('\n  ],\n  2\n]')).toBe(true);
  });

  it.each([
    ['deep', '['.repeat(48_000) + ']'.repeat(48_000)],
    ['wide', `[${'1,'.repeat(47_000)}1]`],
    ['long', `"${'x'.repeat(96_000)}"`],
  ])('is cut in size, in no time, when it is %s', (_how, text) => {
    const shown = prettyJson(text, 1000)!;

    expect(shown.text.length).toBeLessThanOrEqual(16_384);
    expect(shown.text.startsWith(text[0]!)).toBe(true);
    if (shown.isCut) expect(shown.text).toHaveLength(1000);
  });

  it.each(['', 'on', '{', "{'a':1}", '[1,]'])('is undefined if it is not JSON: %j', (text) => {
    expect(prettyJson(text, 1000)).toBeUndefined();
  });
});

describe('a payload in hex', () => {
  it('has sixteen bytes per line, with offset and ASCII', () => {
    expect(hexDump(utf8('0123456789abcdefg\n'), 1000)).toEqual({
      text: [
        '000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef',
        `000010  67 0a${' '.repeat(43)} g.`,
      ].join('\n'),
      isCut: false,
    });
  });

  it('has only whole lines, up to the limit', () => {
    const { text, isCut } = hexDump(new Uint8Array(96_000), 1000);

    expect(isCut).toBe(true);
    expect(text.split('\n')).toHaveLength(13);
    expect(text.length).toBeLessThanOrEqual(1000);
  });

  it('is parsed with or without white space', () => {
    expect(parseHex(' 00 fF\n10')).toEqual(bytes(0x00, 0xff, 0x10));
    expect(parseHex('00ff10')).toEqual(bytes(0x00, 0xff, 0x10));
    expect(parseHex('')).toEqual(bytes());
  });

  it.each([
    ['0g', 'hex "g" 0 9 a f'],
    ['abc', 'hex 3 digits'],
  ])('rejects %j with the reason', (typed, message) => {
    expect(() => parseHex(typed)).toThrow(naming(message));
  });
});

describe('a text that is cut', () => {
  it('ends with an ellipsis, and does not split a character', () => {
    expect(cutText('abc', 3)).toBe('abc');
    expect(cutText('abcd', 3)).toBe('abc…');
    expect(textExcerpt('a😀b', 2)).toEqual({ text: 'a', isCut: true });
    expect(textExcerpt('a😀b', 3)).toEqual({ text: 'a😀', isCut: true });
  });
});

describe('a payload in one line', () => {
  it.each([
    ['nothing', utf8(''), '(empty)'],
    ['lines', utf8('a\n  b'), 'a b'],
    ['bytes', bytes(0xff, 0x00), 'ff 00'],
    ['many bytes', new Uint8Array(40).fill(0xff), `${'ff '.repeat(32)}…`],
  ])('shows %s', (_what, payload, preview) => {
    expect(formatPreview(payload)).toBe(preview);
  });

  it('is cut, but not within a character', () => {
    expect(formatPreview(utf8(`${'x'.repeat(239)}ü and more`))).toBe('x'.repeat(239));
  });
});

describe('the input of a payload', () => {
  it('is sent unchanged as text and as JSON', () => {
    expect(parsePayload('ü ', 'text')).toEqual(utf8('ü '));
    expect(parsePayload('{ "a": 1 }', 'json')).toEqual(utf8('{ "a": 1 }'));
  });

  it('is rejected as JSON if it is not JSON', () => {
    expect(() => parsePayload('{a:1}', 'json')).toThrow(SyntaxError);
  });
});
