import { describe, expect, it } from '@jest/globals';
import { emptyDraft, parseProperties } from '../../../console/model/draft';

describe('the properties of a draft', () => {
  it('are none where nothing was filled in', () => {
    expect(parseProperties(emptyDraft)).toEqual({});
  });

  it('are what was filled in', () => {
    const draft = {
      ...emptyDraft,
      isUtf8: true,
      expiry: '60',
      contentType: 'text/plain',
      responseTopic: 'answers',
      correlationData: '0x00 ff',
    };

    expect(parseProperties(draft)).toEqual({
      payloadFormatIndicator: true,
      messageExpiryInterval: 60,
      contentType: 'text/plain',
      responseTopic: 'answers',
      correlationData: Uint8Array.of(0x00, 0xff),
    });
  });

  it('take no wildcards in a response topic', () => {
    expect(() => parseProperties({ ...emptyDraft, responseTopic: 'answers/#' })).toThrow(
      'the response topic "answers/#" has #, but only filters may have wildcards',
    );
  });

  it('take no control characters and noncharacters', () => {
    const wrong = [{ contentType: 'a\uffff' }, { responseTopic: 'a\ufffe' }, { userProperties: 'a: b\u0001' }];
    for (const fields of wrong) {
      expect(() => parseProperties({ ...emptyDraft, ...fields })).toThrow('but must have no control characters');
    }
  });

  it('take correlation data as text, too', () => {
    expect(parseProperties({ ...emptyDraft, correlationData: 'x7' })).toEqual({
      correlationData: new TextEncoder().encode('x7'),
    });
  });

  it('have user properties with names that repeat, in their order, and any name', () => {
    const { userProperties } = parseProperties({ ...emptyDraft, userProperties: 'a: 1\n\na:2:3\n__proto__: x\na: 4' });

    expect(Object.entries(userProperties ?? {})).toEqual([
      ['a', ['1', '2:3', '4']],
      ['__proto__', 'x'],
    ]);
  });

  it.each(['no colon', ': no name'])('refuse the user property %j', (userProperties) => {
    expect(() => parseProperties({ ...emptyDraft, userProperties })).toThrow(
      `the user property ${JSON.stringify(userProperties)} must be a name, a colon and a value`,
    );
  });
});
