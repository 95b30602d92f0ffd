import { Reason } from '../protocol/reason-codes';
import type { AuthenticationMethod, Peer, Step } from './authentication-method';
import { malformed, readGs2Header, readText, refuseProtocolErrors } from './sasl-message';
import type { TokenVerifier } from './token-verifier';

/** Maximum size of a message in bytes: a token of maximum size, and what surrounds it. */
const maxMessageBytes = 17 * 1024;

/**
 * OAUTHBEARER (RFC 7628): one message, with a token. MQTT 5.0 allows a re-authentication only with the method of the CONNECT
 * (section 4.12.1), so a client that uses this method can send its next token before the current one expires, and stays connected.
 *
 * The error message of RFC 7628 section 3.2.3 is left out: the Reason Code says the same. Failures are not counted, because nobody
 * can guess a signature, and devices behind one address often use expired tokens.
 */
export class OAuthBearer implements AuthenticationMethod {
  readonly name = 'OAUTHBEARER';

  constructor(private readonly tokens: Pick<TokenVerifier, 'verify'>) {}

  begin(data: Buffer | undefined, peer: Peer): Promise<Step> {
    return refuseProtocolErrors(() => this.verify(data, peer));
  }

  async proceed(): Promise<Step> {
    return { next: 'refuse', reason: Reason.protocolError, why: 'OAUTHBEARER has one message' };
  }

  private async verify(data: Buffer | undefined, { now }: Peer): Promise<Step> {
    const { authorizeAs, rest } = readGs2Header(readText(data, maxMessageBytes));
    const outcome = await this.tokens.verify(readToken(rest), now);
    if ('refused' in outcome) return { next: 'refuse', reason: outcome.reason, why: outcome.refused };
    const { identity } = outcome;
    if (authorizeAs !== undefined && authorizeAs !== identity.username) {
      return { next: 'refuse', reason: Reason.notAuthorized, why: 'nobody may act for another user' };
    }
    return { next: 'accept', identity };
  }
}

/** Reads the token from `auth` of the key/value pairs (section 3.1); `host`, `port` and others are allowed (section 3.1.1). */
function readToken(text: string): string {
  const [start, ...pairs] = text.split('\x01');
  const end = pairs.splice(-2);
  if (start !== '' || end.join() !== ',') throw malformed('message is not enclosed in kvsep');
  if (!pairs.every((pair) => /^[A-Za-z]+=/.test(pair))) throw malformed('message contains something other than pairs');
  const values = pairs.filter((pair) => pair.startsWith('auth='));
  const [, token] = /^auth=bearer +([\w.~+/-]+=*)$/i.exec(values[0] ?? '') ?? [];
  if (token === undefined || values.length > 1) throw malformed('message has no bearer token');
  return token;
}
