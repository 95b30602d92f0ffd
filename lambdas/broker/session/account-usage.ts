import { ProtocolError, Reason } from '../../protocol/reason-codes';
import type { Settings } from '../../settings';
import type { ConnectionRecord } from '../model/connection';
import { isAlmostFull, spend } from '../model/publish-allowance';
import type { Ports } from '../ports/ports';
import { debtAfter, debtLeft, type Leftover, maxDebt } from './fragment-debt';
import { quotaOf } from './session-limit';

type Limits = Pick<Settings, 'maxPublishRate' | 'maxPublishBytes'>;

/** True if the next PUBLISH can be charged without a read. */
export function isUsageKnown(limits: Limits, { debt }: Pick<ConnectionRecord, 'debt'>): boolean {
  return debt !== undefined || isUnlimited(limits);
}

function isUnlimited({ maxPublishRate, maxPublishBytes }: Limits): boolean {
  return maxPublishRate === 0 && maxPublishBytes === 0;
}

/** Adds the recent usage of the account to a connection that begins: a reconnect resets no limit. */
async function withUsage(ports: Ports, connection: ConnectionRecord): Promise<ConnectionRecord> {
  if (connection.debt !== undefined) return connection;
  const usage = await ports.usages.read(quotaOf(connection.identity, connection.address ?? ''));
  if (!usage) return { ...connection, debt: 0 };
  const { allowance, debt, at } = usage;
  return { ...connection, debt: debtLeft(debt, ports.now() - at), ...(allowance && { allowance }) };
}

/**
 * Charges a PUBLISH to the publish rate of the client. `bytes`: size of the packet; `at`: when it arrived, milliseconds since 1970.
 *
 * @throws ProtocolError 0x96 if the client publishes more than it may.
 */
export async function chargePublish(
  ports: Ports,
  limits: Limits,
  { connection, bytes, at }: { readonly connection: ConnectionRecord; readonly bytes: number; readonly at: number },
): Promise<ConnectionRecord> {
  if (isUnlimited(limits)) return connection;
  const known = await withUsage(ports, connection);
  const allowance = spend(known.allowance, limits, { bytes, at });
  return allowance ? { ...known, allowance } : known;
}

/**
 * Charges what a turn stores of incomplete packets and waiting frames.
 *
 * @throws ProtocolError 0x97 if the packets of the client come in too many pieces.
 */
export async function chargeFragments(
  ports: Ports,
  connection: ConnectionRecord,
  left: Leftover,
): Promise<ConnectionRecord> {
  const { debt = 0, lastSeen } = connection;
  if (debtAfter({ debt, lastSeen }, left) === 0) return connection.debt ? { ...connection, debt: 0 } : connection;
  const known = await withUsage(ports, connection);
  const owed = debtAfter({ debt: known.debt ?? 0, lastSeen }, left);
  if (owed <= maxDebt) return { ...known, debt: owed };
  ports.metrics.count('LimitsReached');
  throw new ProtocolError(Reason.quotaExceeded, 'packets come in too many pieces');
}

/** Stores the usage of this connection for the next one of its account, if it is worth a write. */
export async function keepUsage(ports: Ports, limits: Limits, connection: ConnectionRecord): Promise<void> {
  const { identity, address = '', allowance, lastSeen } = connection;
  if (connection.debt === undefined) return; // nothing was charged
  const now = ports.now();
  const debt = debtLeft(connection.debt, now - lastSeen);
  if (debt === 0 && isAlmostFull(allowance, limits, now)) return;
  await ports.usages.write(quotaOf(identity, address), { debt, at: now, ...(allowance && { allowance }) });
}

/** A connection that ends and was charged for its will. */
export interface ChargedWill {
  readonly connection: ConnectionRecord;
  /** False if the will exceeds the publish rate. */
  readonly isAllowed: boolean;
}

/** Charges the will of a connection that ends. `bytes`: size of its payload. */
export async function chargeWill(
  ports: Ports,
  limits: Limits,
  { connection, bytes }: { readonly connection: ConnectionRecord; readonly bytes: number },
): Promise<ChargedWill> {
  try {
    return { connection: await chargePublish(ports, limits, { connection, bytes, at: ports.now() }), isAllowed: true };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    const { clientId, identity } = connection;
    const { username = '' } = identity;
    ports.log('limit', { limit: 'publish rate, by a will', username, clientId, allowed: limits.maxPublishRate });
    ports.metrics.count('DroppedLimit');
    return { connection, isAllowed: false };
  }
}
