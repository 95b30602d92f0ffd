import type { Violation } from './json-schema';

/** What may go wrong, by the code that programs rely on: its HTTP status and what it is called for people. */
export const problems = {
  'malformed-json': { status: 400, title: 'The body is not JSON' },
  'invalid-request': { status: 400, title: 'The request is not as the API describes it' },
  'invalid-cursor': { status: 400, title: 'The cursor is not one of this list' },
  'no-such-client': { status: 404, title: 'No client of this id is connected or has a session' },
  'no-such-message': { status: 404, title: 'Nothing is retained for this topic' },
  'client-away': { status: 409, title: 'The client is not connected, and QoS 0 does not wait' },
  'not-permitted': { status: 409, title: 'The client may not receive this topic' },
  'queue-full': { status: 409, title: 'As many messages wait for the client as may' },
  'request-in-progress': { status: 409, title: 'A request with this Idempotency-Key is being worked on' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'message-refused': { status: 422, title: 'MQTT does not allow this message' },
  'idempotency-key-reused': { status: 422, title: 'Another request had this Idempotency-Key' },
  'internal-error': { status: 500, title: 'The broker failed; the request may be repeated' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof problems;

/** What a problem says besides its code. */
export interface ProblemDetails {
  readonly detail?: string;
  /** Each thing that is wrong, where there may be several. */
  readonly errors?: readonly Violation[];
  /** Reason code of MQTT 5.0. */
  readonly reasonCode?: number;
}

/** The request is not done; the caller is told why, as RFC 9457 has it. */
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

  get body(): Record<string, unknown> {
    const { status, title } = problems[this.code];
    return { type: 'about:blank', title, status, code: this.code, ...this.details };
  }
}
