import { describe, expect, it } from '@jest/globals';
import { emptyDraft, parseProperties } from '../../../console/model/draft';
import { naming } from '../../cli/naming';

describe('the properties of a draft', () => {
  it('are empty for an empty form', () => {
    expect(parseProperties(emptyDraft)).toEqual({});
  });

  it('are those of the form', () => {
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

  it('reject wildcards in a response topic', () => {
    expect(() => parseProperties({ ...emptyDraft, responseTopic: 'answers/#' })).toThrow(
      naming('response topic "answers/#" # wildcards'),
    );
  });

  it('reject control characters and noncharacters', () => {
    const wrong = [{ contentType: 'a\uffff' }, { responseTopic: 'a\ufffe' }, { userProperties: 'a: b\u0001' }];
    for (const fields of wrong) {
      expect(() => parseProperties({ ...emptyDraft, ...fields })).toThrow('control characters');
    }
  });

  it('accept correlation data as text', () => {
    expect(parseProperties({ ...emptyDraft, correlationData: 'x7' })).toEqual({
      correlationData: new TextEncoder().encode('x7'),
    });
  });

  it('keep the order of user properties, repeated names and unusual names', () => {
    const { userProperties } = parseProperties({ ...emptyDraft, userProperties: 'a: 1\n\na:2:3\n__proto__: x\na: 4' });

    expect(Object.entries(userProperties ?? {})).toEqual([
      ['a', ['1', '2:3', '4']],
      ['__proto__', 'x'],
    ]);
  });

  it.each(['no colon', ': no name'])('reject the user property %j', (userProperties) => {
    expect(() => parseProperties({ ...emptyDraft, userProperties })).toThrow(
      naming(`user property ${JSON.stringify(userProperties)}`),
    );
  });
});
