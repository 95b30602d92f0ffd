import type { Fence } from './records';

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
