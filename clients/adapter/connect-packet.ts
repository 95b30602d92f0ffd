import { decode } from '../../lambdas/protocol/codec/decode';
import { fixedHeaderSize } from '../../lambdas/protocol/codec/read-fixed-header';
import type { ProtocolVersion } from '../../lambdas/protocol/packets';
import { ProtocolError } from '../../lambdas/protocol/reason-codes';
import { keepAliveAt, withUint16 } from '../packet-fields';
import { asBuffer } from './packet-splitter';

/** The parts of a CONNECT that the adapter uses, section 3.1. */
export interface ConnectDetails {
  version: ProtocolVersion;
  clientId: string;
  /** Seconds; 0 turns the keep-alive off. */
  keepAlive: number;
  hasWill: boolean;
  /** User name and password in a form that can be compared. Secret: it must not be logged. */
  credentials: string;
  bytes: Buffer;
}

/** Reads a CONNECT; undefined for one that the broker refuses as malformed. */
export function readConnect(bytes: Buffer): ConnectDetails | undefined {
  try {
    const packet = decode(bytes, undefined);
    if (packet.cmd !== 'connect') return undefined;
    const { protocolVersion: version, clientId, keepalive: keepAlive, will, username, password } = packet;
    const credentials = JSON.stringify([username, password?.toString('base64')]);
    return { version, clientId, keepAlive, hasWill: will !== undefined, credentials, bytes };
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

/** The same CONNECT with another keep-alive, in seconds. */
export function withKeepAlive({ bytes }: ConnectDetails, seconds: number): Buffer {
  return asBuffer(withUint16(bytes, keepAliveAt(bytes, fixedHeaderSize(bytes)), seconds));
}
