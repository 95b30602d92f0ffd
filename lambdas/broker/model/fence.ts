/**
 * The order of two connections of one client id: API Gateway's connect time, then the connection id, as one sortable
 * string. A later fence always wins, so a late CONNECT of an older connection can never steal a session.
 */
export type Fence = string;

/** Identity of a session: the fence of the connection that created it. A new session is a new id, the old one is garbage. */
export type SessionId = string;

const digits = 15;

/** The order of two connections of one client id. */
export function fenceOf(connectedAt: number, connectionId: string): Fence {
  return `${String(connectedAt).padStart(digits, '0')}#${connectionId}`;
}

/** The connection a fence belongs to. */
export function connectionOf(fence: Fence): string {
  return fence.slice(digits + 1);
}

/** When it was accepted, milliseconds since 1970. */
export function timeOf(fence: Fence): number {
  return Number(fence.slice(0, digits));
}
