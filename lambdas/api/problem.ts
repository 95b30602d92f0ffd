import type { ProblemJson } from './schemas';

/** Problems by the code that programs rely on, with HTTP status and title. */
export const problems = {
  'malformed-json': { status: 400, title: 'The body is not JSON' },
  'invalid-request': { status: 400, title: 'The request does not match the API description' },
  'invalid-cursor': { status: 400, title: 'The cursor does not belong to this list' },
  'no-such-client': { status: 404, title: 'No client with this id is connected or has a session' },
  'no-such-message': { status: 404, title: 'The topic has no retained message' },
  'client-away': { status: 409, title: 'The client is not connected, and QoS 0 messages are not queued' },
  'not-permitted': { status: 409, title: 'The client may not receive this topic' },
  'queue-full': { status: 409, title: 'The queue of the client is full' },
  'request-in-progress': { status: 409, title: 'A request with this Idempotency-Key is in progress' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'message-refused': { status: 422, title: 'MQTT does not allow this message' },
  'idempotency-key-reused': { status: 422, title: 'Another request had this Idempotency-Key' },
  'internal-error': { status: 500, title: 'The broker failed; the request may be repeated' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof problems;

/** Members of a problem that differ from request to request. */
export type ProblemDetails = Pick<ProblemJson, 'detail' | 'errors' | 'reasonCode'>;

/** The request is refused; the caller gets problem details (RFC 9457). */
export class Problem extends Error {
  override readonly name = 'Problem';

  constructor(
    readonly code: ProblemCode,
    readonly details: ProblemDetails = {},
  ) {
    super(details.detail ?? problems[code].title);
  }

  get status(): number {
    return problems[this.code].status;
  }

  get body(): ProblemJson {
    const { status, title } = problems[this.code];
    return { type: 'about:blank', title, status, code: this.code, ...this.details };
  }
}
