import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { HttpResponse } from '../http-exchange';

/** The only access key of the local IAM. */
export const localKeys = { accessKeyId: 'local', secretAccessKey: 'local' } as const;

/** SigV4: milliseconds that a signature's time may be before or after the current time. */
const clockTolerance = 5 * 60_000;

export interface SignedRequest {
  readonly method: string;
  /** Path and query as received. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

interface Parts {
  readonly accessKeyId: string;
  readonly day: string;
  readonly region: string;
  readonly service: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
}

const authorizationPattern =
  /^AWS4-HMAC-SHA256 +Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, *SignedHeaders=([^,]+), *Signature=([0-9a-f]{64})$/;

/** Response of a service to a request without a valid signature. */
export const notSigned: HttpResponse = {
  status: 403,
  headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amzn-ErrorType': 'InvalidSignatureException' },
  body: JSON.stringify({
    __type: 'InvalidSignatureException',
    message: 'The request has no signature of version 4, or not that of its access key; local has the secret local.',
  }),
};

/** True for a request with a version 4 signature by the local keys, which IAM requires for the API. */
export function isSigned(request: SignedRequest, now: number): boolean {
  const parts = partsOf(request.headers.authorization);
  const time = String(request.headers['x-amz-date']);
  if (!parts || parts.accessKeyId !== localKeys.accessKeyId || parts.service !== 'execute-api') return false;
  if (!time.startsWith(parts.day) || Math.abs(timeOf(time) - now) > clockTolerance) return false;
  return hasRightSignature(request, parts, localKeys.secretAccessKey);
}

/**
 * True for a call with a version 4 signature for this service. The access key id identifies the caller and may be any;
 * its secret is the local one, or equal to the id, as users of other AWS imitations configure it. The time may be any,
 * because the clocks of containers may have jumped.
 */
export function isSignedFor(service: string, request: SignedRequest): boolean {
  const parts = partsOf(request.headers.authorization);
  if (!parts || parts.service !== service) return false;
  return [localKeys.secretAccessKey, parts.accessKeyId].some((secret) => hasRightSignature(request, parts, secret));
}

function hasRightSignature(request: SignedRequest, parts: Parts, secret: string): boolean {
  if (!parts.signedHeaders.includes('host')) return false;
  return timingSafeEqual(signatureOf(request, parts, secret), Buffer.from(parts.signature, 'hex'));
}

/** Returns the headers of a request with a signature by the local keys. */
export function signedHeaders(service: string, request: SignedRequest): Record<string, string> {
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const headers = { ...request.headers, 'x-amz-date': time } as Record<string, string>;
  const scope = { day: time.slice(0, 8), region: 'us-east-1', service };
  const parts = { ...scope, signedHeaders: Object.keys(headers).sort() };
  const signature = signatureOf({ ...request, headers }, parts, localKeys.secretAccessKey).toString('hex');
  const credential = `${localKeys.accessKeyId}/${scope.day}/${scope.region}/${service}/aws4_request`;
  const names = parts.signedHeaders.join(';');
  const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names}, Signature=${signature}`;
  return { ...headers, authorization };
}

function partsOf(authorization: string | string[] | undefined): Parts | undefined {
  const [, accessKeyId, day, region, service, headers, signature] =
    authorizationPattern.exec(String(authorization ?? '')) ?? [];
  if (!accessKeyId || !day || !region || !service || !headers || !signature) return undefined;
  return { accessKeyId, day, region, service, signedHeaders: headers.split(';'), signature };
}

type Scope = Pick<Parts, 'day' | 'region' | 'service' | 'signedHeaders'>;

function signatureOf(request: SignedRequest, { day, region, service, signedHeaders }: Scope, secret: string): Buffer {
  const { method, headers, body } = request;
  const time = String(headers['x-amz-date']);
  const [path = '', query = ''] = request.url.split('?');
  const canonical = [
    method,
    escaped(path).replaceAll('%2F', '/'), // escaped twice, as all services except S3 require
    canonicalQuery(query),
    ...signedHeaders.map(
      (name) =>
        `${name}:${String(headers[name] ?? '')
          .trim()
          .replace(/ +/g, ' ')}`,
    ),
    '',
    signedHeaders.join(';'),
    sha256(body),
  ].join('\n');
  const text = ['AWS4-HMAC-SHA256', time, `${day}/${region}/${service}/aws4_request`, sha256(canonical)].join('\n');
  const key = [day, region, service, 'aws4_request'].reduce<Buffer>(hmac, Buffer.from(`AWS4${secret}`));
  return hmac(key, text);
}

function canonicalQuery(query: string): string {
  const pairs = [...new URLSearchParams(query.replaceAll('+', '%2B'))].map(
    ([name, value]) => [escaped(name), escaped(value)] as const,
  );
  return pairs
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join('&');
}

/** Escapes as RFC 3986 requires. */
function escaped(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Parses a time like `20261120T173141Z`. */
function timeOf(time: string): number {
  return Date.parse(time.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'));
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
