import { malformed, readGs2Header, readSaslName, readText } from './sasl-message';
import { saslPrep } from './sasl-prep';

/** Bytes of the longest message that is read; a user name and a nonce of sensible length take a tenth of it. */
const longestMessage = 2048;

/** client-first-message, RFC 5802 section 7. */
export interface ClientFirst {
  /** Repeated in the `c=` of the final message. */
  readonly gs2Header: string;
  /** What goes into the signatures: the message without its gs2-header. */
  readonly bare: string;
  /** Prepared, section 5.1. */
  readonly username: string;
  readonly nonce: string;
}

/** client-final-message, RFC 5802 section 7. */
export interface ClientFinal {
  readonly withoutProof: string;
  /** Base64 of the gs2-header. */
  readonly channelBinding: string;
  readonly nonce: string;
  readonly proof: Buffer;
}

/** @throws ProtocolError when it is malformed, or asks for what a server must or may refuse. */
export function readClientFirst(data: Buffer | undefined): ClientFirst {
  const { text: gs2Header, authorizeAs, rest: bare } = readGs2Header(readText(data, longestMessage));
  // Who does not know a mandatory extension must not go on, and we know none (section 5.1).
  if (bare.startsWith('m=')) throw malformed('mandatory extensions are not supported');
  const match = /^n=([^,]*),r=([!-+\--~]+)(?:,[A-Za-z]=[^,]+)*$/.exec(bare);
  if (match === null) throw malformed('client-first-message is malformed');
  const username = preparedName(readSaslName(match[1]!));
  if (authorizeAs !== undefined && preparedName(authorizeAs) !== username) {
    throw malformed('nobody may act for another user');
  }
  return { gs2Header, bare, username, nonce: match[2]! };
}

/** @throws ProtocolError when it is malformed. */
export function readClientFinal(data: Buffer | undefined): ClientFinal {
  const form = /^(c=([A-Za-z0-9+/=]+),r=([!-+\--~]+)(?:,[A-Za-z]=[^,]+)*),p=([A-Za-z0-9+/]{43}=)$/;
  const match = form.exec(readText(data, longestMessage));
  if (match === null) throw malformed('client-final-message is malformed');
  const [, withoutProof, channelBinding, nonce, text] = match;
  const proof = Buffer.from(text!, 'base64');
  // Four texts stand for the same bytes unless the bits of the last character that nobody reads are zero, RFC 4648 section 3.5.
  if (proof.toString('base64') !== text) throw malformed('client-final-message is malformed');
  return { withoutProof: withoutProof!, channelBinding: channelBinding!, nonce: nonce!, proof };
}

function preparedName(name: string): string {
  const prepared = saslPrep(name);
  if (prepared === undefined) throw malformed('user name is empty or has characters that SASLprep prohibits');
  return prepared;
}
