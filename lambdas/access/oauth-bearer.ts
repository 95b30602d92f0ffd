import { Reason } from '../protocol/reason-codes';
import type { AuthenticationMethod, Peer, Step } from './authentication-method';
import { malformed, readGs2Header, readText, refusingBreaches } from './sasl-message';
import type { TokenVerifier } from './token-verifier';

/** Bytes of the longest message that is read: that of a token, and room for what stands around it. */
const longestMessage = 17 * 1024;

/**
 * OAUTHBEARER, RFC 7628: a token and nothing else, in one message. MQTT 5.0 lets a client authenticate anew with its method
 * only (section 4.12.1), so whoever logs in this way can bring the next token before this one expires, and stays connected.
 *
 * There is no error message to be answered as in RFC 7628 section 3.2.3: the reason code tells as much. Failures are not
 * counted, since nobody guesses a signature, and devices behind one address often come with tokens that have expired.
 */
export class OAuthBearer implements AuthenticationMethod {
  readonly name = 'OAUTHBEARER';

  constructor(private readonly tokens: Pick<TokenVerifier, 'verify'>) {}

  begin(data: Buffer | undefined, peer: Peer): Promise<Step> {
    return refusingBreaches(() => this.verify(data, peer));
  }

  /** Nothing is left to be said after the token. */
  async proceed(): Promise<Step> {
    return { next: 'refuse', reason: Reason.protocolError, why: 'OAUTHBEARER has one message' };
  }

  private async verify(data: Buffer | undefined, { now }: Peer): Promise<Step> {
    const { authorizeAs, rest } = readGs2Header(readText(data, longestMessage));
    const outcome = await this.tokens.verify(readToken(rest), now);
    if ('refused' in outcome) return { next: 'refuse', reason: outcome.reason, why: outcome.refused };
    const { identity } = outcome;
    if (authorizeAs !== undefined && authorizeAs !== identity.username) {
      return { next: 'refuse', reason: Reason.notAuthorized, why: 'nobody may act for another user' };
    }
    return { next: 'admit', identity };
  }
}

/** The pairs of section 3.1, of which only `auth` concerns us: `host` and `port` may be there, and others (section 3.1.1). */
function readToken(text: string): string {
  const [start, ...pairs] = text.split('\x01');
  const end = pairs.splice(-2);
  if (start !== '' || end.join() !== ',') throw malformed('message is not enclosed in kvsep');
  if (!pairs.every((pair) => /^[A-Za-z]+=/.test(pair))) throw malformed('message has something else than pairs');
  const values = pairs.filter((pair) => pair.startsWith('auth='));
  const [, token] = /^auth=bearer +([\w.~+/-]+=*)$/i.exec(values[0] ?? '') ?? [];
  if (token === undefined || values.length > 1) throw malformed('message has no bearer token');
  return token;
}
