import { createHash } from 'node:crypto';
import type { IncomingMessage } from '../broker/model/delivery';
import type { RequestLedger } from '../broker/ports/directories';
import type { ApiRequest, ApiResponse } from './api-request';
import { Problem } from './problem';

/** Fields that every incoming message of a request shares: its id, and whether an earlier attempt may have published it. */
export type Attempt = Pick<IncomingMessage, 'id' | 'replay' | 'attempted' | 'retained'>;

const maxKeyLength = 255;

/**
 * Performs a request once for each `Idempotency-Key`. A repetition gets the response of the first request. A repetition while
 * the first request runs is refused. After an attempt that died, a repetition continues it, so QoS 0 is sent at most once and
 * QoS 2 exactly once. Without a key every request is a new one.
 *
 * @throws Problem
 */
export async function performOnce<Body>(
  ledger: RequestLedger,
  request: ApiRequest,
  perform: (attempt: Attempt) => Promise<ApiResponse<Body>>,
): Promise<ApiResponse<Body>> {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return perform(attemptOf({ id: request.requestId, isRepeated: false }));
  if (key.length < 1 || key.length > maxKeyLength) {
    const detail = `must have 1 to ${maxKeyLength} characters`;
    throw new Problem('invalid-request', { errors: [{ pointer: 'Idempotency-Key', detail }] });
  }
  const id = digest(request.caller.principal, key);
  const fingerprint = digest(request.route, JSON.stringify(request.parameters), request.body);
  const earlier = await ledger.begin(id, fingerprint);
  if (typeof earlier === 'object') return JSON.parse(earlier.answer);
  if (earlier === 'other') throw new Problem('idempotency-key-reused');
  if (earlier === 'running') throw new Problem('request-in-progress');
  try {
    const response = await perform(attemptOf({ id, isRepeated: earlier === 'resumed' }));
    await ledger.finish(id, fingerprint, JSON.stringify(response));
    return response;
  } catch (error) {
    await ledger.release(id, fingerprint);
    throw error;
  }
}

function attemptOf({ id, isRepeated }: { readonly id: string; readonly isRepeated: boolean }): Attempt {
  return { id: `api#${id}`, replay: isRepeated, attempted: isRepeated, retained: false };
}

/** Lengths keep `a, bc` and `ab, c` apart. */
function digest(...parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part);
  return hash.digest('base64url');
}
