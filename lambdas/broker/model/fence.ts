/**
 * Orders the connections of one client id: API Gateway's connect time, then the connection id, as one sortable string. A later fence
 * always wins, so a delayed CONNECT of an older connection can never take over a session.
 */
export type Fence = string;

/** Id of a session: the fence of the connection that created it. Rows under the id of an older session are garbage. */
export type SessionId = string;

const digits = 15;

/** Returns the fence of a connection. `connectedAt` in milliseconds since 1970. */
export function fenceOf(connectedAt: number, connectionId: string): Fence {
  return `${String(connectedAt).padStart(digits, '0')}#${connectionId}`;
}

/** Returns the connection id in a fence. */
export function connectionOf(fence: Fence): string {
  return fence.slice(digits + 1);
}

/** Returns the time at which API Gateway accepted the connection, milliseconds since 1970. */
export function timeOf(fence: Fence): number {
  return Number(fence.slice(0, digits));
}
