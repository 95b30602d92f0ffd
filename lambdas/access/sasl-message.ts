import { ProtocolError, Reason } from '../protocol/reason-codes';
import type { Step } from './authentication-method';

/** The gs2-header (RFC 5801 section 4) at the beginning of messages of SCRAM and OAUTHBEARER. */
export interface Gs2Header {
  /** The header as it was sent, with the comma at its end. */
  readonly text: string;
  /** Authorization identity, if the client requests one. */
  readonly authorizeAs?: string;
  /** The message after the header. */
  readonly rest: string;
}

/** @throws ProtocolError if there is no data, it has more than `maxBytes` bytes, or it is not UTF-8 */
export function readText(data: Buffer | undefined, maxBytes: number): string {
  if (data === undefined) throw malformed('no authentication data');
  if (data.length > maxBytes) throw malformed(`message has ${data.length} bytes, more than ${maxBytes}`);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    throw malformed('message is not UTF-8');
  }
}

/**
 * Reads the gs2-header. `y` means that the client supports channel binding and assumes that the server does not, which is right. `p`
 * requests it, which only methods with names that end in -PLUS allow (RFC 5802 section 6).
 *
 * @throws ProtocolError if there is no header, or it requests channel binding
 */
export function readGs2Header(message: string): Gs2Header {
  if (message.startsWith('p=')) throw malformed('channel binding is not supported');
  const match = /^[ny],(?:a=([^,]*))?,/.exec(message);
  if (match === null) throw malformed('message has no gs2-header');
  const [text, name] = match;
  const authorizeAs = name === undefined ? {} : { authorizeAs: readSaslName(name) };
  return { text, ...authorizeAs, rest: message.slice(text.length) };
}

/**
 * Decodes a saslname, in which `,` and `=` are written as `=2C` and `=3D` (RFC 5801 section 4).
 *
 * @throws ProtocolError if it contains any other `=`
 */
export function readSaslName(text: string): string {
  if (/=(?!2C|3D)/.test(text)) throw malformed('user name has "=" for something other than "=2C" or "=3D"');
  return text.replaceAll('=2C', ',').replaceAll('=3D', '=');
}

/** 0x82: the Authentication Data does not conform to the Authentication Method. */
export function malformed(message: string): ProtocolError {
  return new ProtocolError(Reason.protocolError, message);
}

/** Runs `body`, and turns a ProtocolError into a refusal. */
export async function refuseProtocolErrors(body: () => Promise<Step>): Promise<Step> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof ProtocolError) return { next: 'refuse', reason: error.reason, why: error.message };
    throw error;
  }
}
