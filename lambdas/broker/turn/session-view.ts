import type { Permissions } from '../../protocol/permissions';
import type { SessionView } from '../../protocol/session-view';
import type { ConnectionRecord } from '../model/connection';

/** What the packet handlers may know of an open connection. */
export function sessionViewOf(connection: ConnectionRecord, permissions: Permissions): SessionView {
  const { clientId, version, sessionExpiry, authentication } = connection;
  const known = { clientId, version, sessionExpiry, permissions };
  if (!authentication) return known;
  const { method, state } = authentication;
  return { ...known, authentication: { method, isPending: state !== undefined } };
}
