import { ProtocolError, Reason } from '../protocol/reason-codes';
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
  const match = /^(([nyp])(?:=[^,]*)?,(?:a=([^,]*))?,)(.*)$/s.exec(textOf(data));
  if (match === null) throw malformed('client-first-message has no gs2-header');
  const [, gs2Header, flag, authorizeAs, bare] = match;
  // "y": the client could bind and thinks that we cannot, and so it is; "p" belongs to SCRAM-SHA-256-PLUS alone (section 6).
  if (flag === 'p') throw malformed('channel binding is not supported');
  if (gs2Header!.startsWith(`${flag}=`)) throw malformed('client-first-message has no gs2-header');
  const { username, nonce } = readBare(bare!);
  if (authorizeAs !== undefined && readName(authorizeAs) !== username)
    throw malformed('nobody may act for another user');
  return { gs2Header: gs2Header!, bare: bare!, username, nonce };
}

/** @throws ProtocolError when it is malformed. */
export function readClientFinal(data: Buffer | undefined): ClientFinal {
  const form = /^(c=([A-Za-z0-9+/=]+),r=([!-+\--~]+)(?:,[A-Za-z]=[^,]+)*),p=([A-Za-z0-9+/]{43}=)$/;
  const match = form.exec(textOf(data));
  if (match === null) throw malformed('client-final-message is malformed');
  const [, withoutProof, channelBinding, nonce, text] = match;
  const proof = Buffer.from(text!, 'base64');
  // Four texts stand for the same bytes unless the bits of the last character that nobody reads are zero, RFC 4648 section 3.5.
  if (proof.toString('base64') !== text) throw malformed('client-final-message is malformed');
  return { withoutProof: withoutProof!, channelBinding: channelBinding!, nonce: nonce!, proof };
}

function readBare(bare: string): { username: string; nonce: string } {
  // Who does not know a mandatory extension must not go on, and we know none (section 5.1).
  if (bare.startsWith('m=')) throw malformed('mandatory extensions are not supported');
  const match = /^n=([^,]*),r=([!-+\--~]+)(?:,[A-Za-z]=[^,]+)*$/.exec(bare);
  if (match === null) throw malformed('client-first-message is malformed');
  return { username: readName(match[1]!), nonce: match[2]! };
}

/** A saslname: `,` and `=` are written as `=2C` and `=3D`, and no other `=` may be (section 5.1). */
function readName(text: string): string {
  if (/=(?!2C|3D)/.test(text)) throw malformed('user name has "=" for something else than "=2C" or "=3D"');
  const name = saslPrep(text.replaceAll('=2C', ',').replaceAll('=3D', '='));
  if (name === undefined) throw malformed('user name is empty or has characters that SASLprep prohibits');
  return name;
}

function textOf(data: Buffer | undefined): string {
  if (data === undefined) throw malformed('no authentication data');
  if (data.length > longestMessage) throw malformed(`message has ${data.length} bytes, more than ${longestMessage}`);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    throw malformed('message is not UTF-8');
  }
}

function malformed(message: string): ProtocolError {
  return new ProtocolError(Reason.protocolError, message);
}
