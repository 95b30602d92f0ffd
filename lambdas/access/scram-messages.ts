import { malformed, readGs2Header, readSaslName, readText } from './sasl-message';
import { saslPrep } from './sasl-prep';

/** Maximum size of a message in bytes; a user name and a nonce of usual length take a tenth of it. */
const maxMessageBytes = 2048;

/** client-first-message, RFC 5802 section 7. */
export interface ClientFirst {
  /** The final message repeats it in `c=`. */
  readonly gs2Header: string;
  /** The message without its gs2-header, a part of the signatures. */
  readonly bare: string;
  /** Prepared by SASLprep (section 5.1). */
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

/** @throws ProtocolError if the message is malformed, or requests something that a server must or may refuse */
export function readClientFirst(data: Buffer | undefined): ClientFirst {
  const { text: gs2Header, authorizeAs, rest: bare } = readGs2Header(readText(data, maxMessageBytes));
  // A server must refuse unknown mandatory extensions (section 5.1); this one knows none.
  if (bare.startsWith('m=')) throw malformed('mandatory extensions are not supported');
  const match = /^n=([^,]*),r=([!-+\--~]+)(?:,[A-Za-z]=[^,]+)*$/.exec(bare);
  if (match === null) throw malformed('client-first-message is malformed');
  const username = preparedName(readSaslName(match[1]!));
  if (authorizeAs !== undefined && preparedName(authorizeAs) !== username) {
    throw malformed('nobody may act for another user');
  }
  return { gs2Header, bare, username, nonce: match[2]! };
}

/** @throws ProtocolError if the message is malformed */
export function readClientFinal(data: Buffer | undefined): ClientFinal {
  const finalMessage = /^(c=([A-Za-z0-9+/=]+),r=([!-+\--~]+)(?:,[A-Za-z]=[^,]+)*),p=([A-Za-z0-9+/]{43}=)$/;
  const match = finalMessage.exec(readText(data, maxMessageBytes));
  if (match === null) throw malformed('client-final-message is malformed');
  const [, withoutProof, channelBinding, nonce, text] = match;
  const proof = Buffer.from(text!, 'base64');
  // RFC 4648 section 3.5: unused bits of the last character must be zero, or four texts would encode the same bytes.
  if (proof.toString('base64') !== text) throw malformed('client-final-message is malformed');
  return { withoutProof: withoutProof!, channelBinding: channelBinding!, nonce: nonce!, proof };
}

function preparedName(name: string): string {
  const prepared = saslPrep(name);
  if (prepared === undefined) throw malformed('user name is empty or has characters that SASLprep prohibits');
  return prepared;
}
