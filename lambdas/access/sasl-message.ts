import { ProtocolError, Reason } from '../protocol/reason-codes';
import type { Step } from './authentication-method';

/** What stands before a message of SCRAM and OAUTHBEARER: the gs2-header of RFC 5801 section 4. */
export interface Gs2Header {
  /** As it was sent, comma at the end included. */
  readonly text: string;
  /** Whom the client wants to act for, if it says so. */
  readonly authorizeAs?: string;
  /** What follows it. */
  readonly rest: string;
}

/** @throws ProtocolError when there is no data, it has more than `limit` bytes, or it is not UTF-8. */
export function readText(data: Buffer | undefined, limit: number): string {
  if (data === undefined) throw malformed('no authentication data');
  if (data.length > limit) throw malformed(`message has ${data.length} bytes, more than ${limit}`);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    throw malformed('message is not UTF-8');
  }
}

/**
 * `y` says that the client could bind the channel and thinks that we cannot, and so it is; `p` asks for it, which belongs to
 * the methods whose names end in -PLUS alone (RFC 5802 section 6).
 *
 * @throws ProtocolError when there is none, or it binds the channel.
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
 * A saslname: `,` and `=` are written as `=2C` and `=3D`, and no other `=` may be (RFC 5801 section 4).
 *
 * @throws ProtocolError otherwise.
 */
export function readSaslName(text: string): string {
  if (/=(?!2C|3D)/.test(text)) throw malformed('user name has "=" for something else than "=2C" or "=3D"');
  return text.replaceAll('=2C', ',').replaceAll('=3D', '=');
}

/** 0x82: the data of an AUTH or CONNECT is not what its Authentication Method lays down. */
export function malformed(message: string): ProtocolError {
  return new ProtocolError(Reason.protocolError, message);
}

/** The step of `body`, or the refusal of what it calls a breach of the protocol. */
export async function refusingBreaches(body: () => Promise<Step>): Promise<Step> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof ProtocolError) return { next: 'refuse', reason: error.reason, why: error.message };
    throw error;
  }
}
