import { ProtocolError, Reason } from '../../protocol/reason-codes';
import type { Settings } from '../../settings';
import type { ConnectionRecord } from '../model/connection';
import { isAlmostFull, spend } from '../model/publish-allowance';
import type { Ports } from '../ports/ports';
import { debtAfter, debtLeft, type Leftover, maxDebt } from './fragment-debt';
import { quotaOf } from './session-limit';

type Limits = Pick<Settings, 'maxPublishRate' | 'maxPublishBytes'>;

/** With what its account has lately used: a reconnect gives back nothing. */
export async function withUsage(ports: Ports, connection: ConnectionRecord): Promise<ConnectionRecord> {
  if (connection.debt !== undefined) return connection;
  const usage = await ports.usages.read(quotaOf(connection.identity, connection.address ?? ''));
  if (!usage) return { ...connection, debt: 0 };
  const { allowance, debt, at } = usage;
  return { ...connection, debt: debtLeft(debt, ports.now() - at), ...(allowance && { allowance }) };
}

/**
 * Counts a PUBLISH of so many bytes.
 *
 * @throws ProtocolError when the client publishes too much.
 */
export async function chargePublish(
  ports: Ports,
  limits: Limits,
  connection: ConnectionRecord,
  { bytes, at }: { readonly bytes: number; readonly at: number },
): Promise<ConnectionRecord> {
  if (limits.maxPublishRate === 0 && limits.maxPublishBytes === 0) return connection;
  const known = await withUsage(ports, connection);
  const allowance = spend(known.allowance, limits, { bytes, at });
  return allowance ? { ...known, allowance } : known;
}

/**
 * Counts what a turn writes for unfinished packets.
 *
 * @throws ProtocolError when the packets of the client come in too many pieces.
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

/** Keeps for the next connection of the account what this one has used, if that is worth a write. */
export async function keepUsage(ports: Ports, limits: Limits, connection: ConnectionRecord): Promise<void> {
  const { identity, address = '', allowance, lastSeen } = connection;
  if (connection.debt === undefined) return; // it has used nothing
  const now = ports.now();
  const debt = debtLeft(connection.debt, now - lastSeen);
  if (debt === 0 && isAlmostFull(allowance, limits, now)) return;
  await ports.usages.write(quotaOf(identity, address), { debt, at: now, ...(allowance && { allowance }) });
}

/** A connection that ends, and whether its will is within its publish rate. */
export interface ChargedWill {
  readonly connection: ConnectionRecord;
  readonly isAllowed: boolean;
}

/** Counts the will of a connection that ends. */
export async function chargeWill(
  ports: Ports,
  limits: Limits,
  connection: ConnectionRecord,
  bytes: number,
): Promise<ChargedWill> {
  try {
    return { connection: await chargePublish(ports, limits, connection, { bytes, at: ports.now() }), isAllowed: true };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    const { clientId, identity } = connection;
    const { username = '' } = identity;
    ports.log('limit', { limit: 'publish rate, by a will', username, clientId, allowed: limits.maxPublishRate });
    ports.metrics.count('DroppedLimit');
    return { connection, isAllowed: false };
  }
}
