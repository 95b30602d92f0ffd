import { describe, expect, it } from '@jest/globals';
import type { Identity } from '../../lambdas/access/identity';
import { OAuthBearer } from '../../lambdas/access/oauth-bearer';
import type { TokenOutcome } from '../../lambdas/access/token-verifier';
import { Reason } from '../../lambdas/protocol/reason-codes';

const peer = { clientId: 'sensor', address: '203.0.113.7', now: 1_700_000_000_000 };
const identity: Identity = { kind: 'token', username: 'a,b', issuer: 'https://issuer.example', expiresAt: 1 };

/** Accepts one token; the verifier has its own tests. */
const tokens = {
  asked: [] as unknown[],
  async verify(token: string, now: number): Promise<TokenOutcome> {
    this.asked.push([token, now]);
    if (token === 'late') return { refused: 'the token has expired', reason: Reason.notAuthorized };
    if (token === 'lost') return { refused: 'the issuer cannot be reached', reason: Reason.serverUnavailable };
    return { identity };
  },
};
const method = new OAuthBearer(tokens);
const begin = (text: string | undefined) => method.begin(text === undefined ? undefined : Buffer.from(text), peer);

describe('OAUTHBEARER', () => {
  it.each([
    'n,,\x01auth=Bearer a.b-c_d.e\x01\x01',
    'y,,\x01auth=bearer  a.b-c_d.e\x01\x01',
    'n,a=a=2Cb,\x01host=broker.example\x01port=443\x01auth=Bearer a.b-c_d.e\x01x=,=\x01\x01',
  ])('accepts the subject of the token [RFC 7628 section 3.1]: %j', async (text) => {
    tokens.asked.length = 0;

    await expect(begin(text)).resolves.toEqual({ next: 'accept', identity });
    expect(tokens.asked).toEqual([['a.b-c_d.e', peer.now]]);
  });

  it.each([
    ['late', Reason.notAuthorized, 'the token has expired'],
    ['lost', Reason.serverUnavailable, 'the issuer cannot be reached'],
  ])('refuses the token %s with the reason of the verifier', async (token, reason, why) => {
    await expect(begin(`n,,\x01auth=Bearer ${token}\x01\x01`)).resolves.toEqual({ next: 'refuse', reason, why });
  });

  it('refuses an authorization identity of another user', async () => {
    await expect(begin('n,a=admin,\x01auth=Bearer t\x01\x01')).resolves.toEqual({
      next: 'refuse',
      reason: Reason.notAuthorized,
      why: 'nobody may act for another user',
    });
  });

  it.each<[string | undefined, string]>([
    [undefined, 'no authentication data'],
    ['', 'message has no gs2-header'],
    ['\x01auth=Bearer t\x01\x01', 'message has no gs2-header'],
    ['p=tls-exporter,,\x01auth=Bearer t\x01\x01', 'channel binding is not supported'],
    ['n,a=x=y,\x01auth=Bearer t\x01\x01', 'user name has "=" for something other than "=2C" or "=3D"'],
    ['n,,', 'message is not enclosed in kvsep'],
    ['n,,\x01', 'message is not enclosed in kvsep'],
    ['n,,auth=Bearer t\x01\x01', 'message is not enclosed in kvsep'],
    ['n,,\x01auth=Bearer t\x01', 'message is not enclosed in kvsep'],
    ['n,,\x01auth=Bearer t\x01\x01x', 'message is not enclosed in kvsep'],
    ['n,,\x01auth=Bearer t\x01\x01\x01', 'message contains something other than pairs'],
    ['n,,\x01auth\x01\x01', 'message contains something other than pairs'],
    ['n,,\x01\x01', 'message has no bearer token'],
    ['n,,\x01auth=Basic t\x01\x01', 'message has no bearer token'],
    ['n,,\x01auth=Bearer \x01\x01', 'message has no bearer token'],
    ['n,,\x01auth=Bearer t t\x01\x01', 'message has no bearer token'],
    ['n,,\x01auth=Bearer t\x01auth=Bearer u\x01\x01', 'message has no bearer token'],
    [`n,,\x01auth=Bearer ${'t'.repeat(17 * 1024)}\x01\x01`, 'message has 17426 bytes, more than 17408'],
  ])('refuses %j: %s', async (text, why) => {
    await expect(begin(text)).resolves.toEqual({ next: 'refuse', reason: Reason.protocolError, why });
  });

  it('refuses a second message', async () => {
    await expect(method.proceed()).resolves.toMatchObject({ next: 'refuse', reason: Reason.protocolError });
  });
});
