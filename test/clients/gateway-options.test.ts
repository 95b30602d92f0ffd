import { describe, expect, it } from '@jest/globals';
import { type GatewayOptions, TokenError, tokenFrom, withDefaults } from '../../clients/gateway-options';
import { createWebsocketWith } from '../../clients/mqttjs';

const wrong: [GatewayOptions, string][] = [
  [{ batchMs: -1 }, 'option batchMs takes a number from 0 to 60000, not -1'],
  [{ batchMs: Number.NaN }, 'option batchMs takes a number from 0 to 60000, not NaN'],
  [{ upstreamKeepAlive: 541 }, 'option upstreamKeepAlive takes a whole number from 10 to 540, not 541'],
  [{ upstreamKeepAlive: 60.5 }, 'option upstreamKeepAlive takes a whole number from 10 to 540, not 60.5'],
  [
    { renewAfter: [7_080, 6_600] },
    'option renewAfter takes false or two numbers from 0 to 7200, the smaller one first, not [7080,6600]',
  ],
  [
    { renewAfter: [0, 7_201] },
    'option renewAfter takes false or two numbers from 0 to 7200, the smaller one first, not [0,7201]',
  ],
  [{ renewAfter: true } as never, 'not true'],
  [{ token: 'eyJ…' } as never, 'option token takes a function, not string'],
  [
    { tokn: () => 'ab.cd.ef' } as never,
    'there is no option tokn; there are token, tokenIn, batchMs, upstreamKeepAlive, renewAfter',
  ],
  [{ tokenIn: 'header' } as never, 'option tokenIn takes subprotocol or query, not header'],
];

describe('the options of a connection to the gateway', () => {
  it('are all optional', () => {
    expect(withDefaults({})).toEqual({
      token: undefined,
      tokenIn: 'subprotocol',
      batchMs: 0,
      upstreamKeepAlive: undefined,
      renewAfter: [6_600, 7_080],
    });
  });

  it.each(wrong)('cause an error at once: %j', (options, reason) => {
    expect(() => createWebsocketWith(options)).toThrow(RangeError);
    expect(() => createWebsocketWith(options)).toThrow(reason);
  });
});

describe('a token', () => {
  it('is the result of the function or of its promise', async () => {
    await expect(tokenFrom(() => 'ab.cd.ef')).resolves.toBe('ab.cd.ef');
    await expect(tokenFrom(async () => 'ab.cd.ef')).resolves.toBe('ab.cd.ef');
  });

  it.each([
    ['', 'token gave a text that is no bearer token'],
    ['a, mqtt', 'token gave a text that is no bearer token'],
    [undefined, 'token gave undefined that is no bearer token'],
  ])('that is %p is refused, and not part of the error', async (given, reason) => {
    await expect(tokenFrom(() => given as string)).rejects.toThrow(new TokenError(reason));
  });
});
