import type { ConnectionRecord } from '../../../lambdas/broker/model/connection';

/** A connection of MQTT 3.1.1 without packets after CONNECT. */
export function record(connectionId: string, fields: Partial<ConnectionRecord> = {}): ConnectionRecord {
  return {
    connectionId,
    clientId: 'kitchen',
    version: 4,
    sessionExpiry: 0,
    session: '000001#a',
    fence: '000001#a',
    capabilities: {},
    identity: { kind: 'anonymous' },
    keepAlive: 60,
    lastSeen: 1_700_000_000_123,
    lastNumber: 0,
    tail: Buffer.alloc(0),
    early: [],
    hasWill: false,
    isCounted: false,
    hasState: false,
    aliases: new Map(),
    outgoingAliases: new Map(),
    unreleased: new Set(),
    ...fields,
  };
}
