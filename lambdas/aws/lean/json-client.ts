import { repeatWhile } from '../retries';
import { isThrottling } from '../throttling';
import { type HttpResponse, HttpSender } from './http-sender';
import { type Credentials, Signer } from './signature';

export interface LeanClientOptions {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: Credentials;
  /** Attempts at a call that is throttled, fails on the service's side or gets no response. 1 repeats nothing. */
  readonly maxAttempts: number;
  /** Called for every throttled attempt. */
  readonly onThrottle?: () => void;
}

/** A service with AWS's JSON protocol. */
export interface JsonService {
  /** Name of the service in signatures. */
  readonly name: string;
  /** Prefix of its operations in the header `x-amz-target`. */
  readonly target: string;
  /** Version of the protocol; 1.0 if absent. */
  readonly version?: '1.1';
}

/** Error names by which a service allows another attempt, besides those of throttling. */
const retryableErrors: ReadonlySet<string> = new Set(['InternalServerError', 'ServiceUnavailable']);

/** A service refused a call; `name` is the service's name of the error. */
export class ServiceError extends Error {
  constructor(
    override readonly name: string,
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

/**
 * Calls one service in AWS's JSON protocol. JSON, signature, retries and errors equal those of the SDK, at a fraction of
 * the processor time, because there are no layers of middleware (ADR 0010).
 */
export class JsonClient {
  private readonly http: HttpSender;
  private readonly signer: Signer;

  constructor(
    private readonly service: JsonService,
    private readonly options: LeanClientOptions,
  ) {
    this.http = new HttpSender(new URL(options.endpoint));
    this.signer = new Signer(options.credentials, options.region, service.name);
  }

  /** Takes and returns JSON. @throws ServiceError if the service refuses the call; Error if no response comes. */
  async call(operation: string, body: string): Promise<string> {
    const outcome = await repeatWhile(isRetryable, this.options.maxAttempts, () => this.attempt(operation, body));
    if ('error' in outcome) throw outcome.error;
    return outcome.body;
  }

  private async attempt(operation: string, body: string): Promise<Outcome> {
    const outcome = await this.send(operation, body).then(toOutcome, (error: Error) => ({ error }));
    if ('error' in outcome && isThrottling(outcome.error)) this.options.onThrottle?.();
    return outcome;
  }

  private send(operation: string, body: string): Promise<HttpResponse> {
    const headers = {
      'content-length': String(Buffer.byteLength(body)),
      'content-type': `application/x-amz-json-${this.service.version ?? '1.0'}`,
      host: this.http.host,
      'x-amz-target': `${this.service.target}.${operation}`,
    };
    const request = { method: 'POST', path: '/', headers, body };
    return this.http.send({ ...request, headers: this.signer.sign(request, new Date()) });
  }
}

/** The two cases differ by their property. `instanceof Error` cannot tell: Node's own errors may belong to another realm. */
type Outcome = { readonly body: string } | { readonly error: Error };

function toOutcome({ status, body }: HttpResponse): Outcome {
  return status === 200 ? { body } : { error: toServiceError(status, body) };
}

function toServiceError(status: number, body: string): ServiceError {
  const { __type: type = '', message = '', Message = message } = parseError(body);
  return new ServiceError(type.slice(type.lastIndexOf('#') + 1) || `HTTP ${status}`, Message, status);
}

/** A proxy on the way may respond with anything. */
function parseError(body: string): { __type?: string; message?: string; Message?: string } {
  try {
    return JSON.parse(body) as object;
  } catch {
    return {};
  }
}

/** An error that is not the service's means a broken connection, which is worth another attempt. */
function isRetryable(outcome: Outcome): boolean {
  if (!('error' in outcome)) return false;
  const { error } = outcome;
  if (!(error instanceof ServiceError)) return true;
  return error.status >= 500 || isThrottling(error) || retryableErrors.has(error.name);
}
