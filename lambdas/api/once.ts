import { createHash } from 'node:crypto';
import type { IncomingMessage } from '../broker/model/delivery';
import type { RequestLedger } from '../broker/ports/directories';
import type { ApiAnswer, ApiRequest } from './api-request';
import { Problem } from './problem';

/** What makes arrivals of one request: the identity of its messages, and whether an earlier attempt may have begun with them. */
export type Attempt = Pick<IncomingMessage, 'id' | 'replay' | 'attempted' | 'retained'>;

/**
 * Does what a request asks for. With an `Idempotency-Key` it is done once: a repetition gets the answer of the first, one
 * that comes while the first is at work is refused, and one that follows an attempt that died goes on from it, so that
 * QoS 0 is sent at most once and QoS 2 exactly once. Without it each request is another.
 */
export async function once(
  ledger: RequestLedger,
  request: ApiRequest,
  perform: (attempt: Attempt) => Promise<ApiAnswer>,
): Promise<ApiAnswer> {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return perform(attemptOf(request.requestId, false));
  if (key.length < 1 || key.length > longestKey) {
    const detail = `must have 1 to ${longestKey} characters`;
    throw new Problem('invalid-request', { errors: [{ pointer: 'Idempotency-Key', detail }] });
  }
  const id = digest(request.caller.principal, key);
  const fingerprint = digest(request.route, JSON.stringify(request.parameters), request.body);
  const earlier = await ledger.begin(id, fingerprint);
  if (typeof earlier === 'object') return JSON.parse(earlier.answer) as ApiAnswer;
  if (earlier === 'other') throw new Problem('idempotency-key-reused');
  if (earlier === 'running') throw new Problem('request-in-progress');
  try {
    const answer = await perform(attemptOf(id, earlier === 'resumed'));
    await ledger.finish(id, fingerprint, JSON.stringify(answer));
    return answer;
  } catch (error) {
    await ledger.release(id, fingerprint);
    throw error;
  }
}

const longestKey = 255;

function attemptOf(id: string, isRepeated: boolean): Attempt {
  return { id: `api#${id}`, replay: isRepeated, attempted: isRepeated, retained: false };
}

function digest(...parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part);
  return hash.digest('base64url');
}
