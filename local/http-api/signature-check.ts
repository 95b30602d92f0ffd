import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** The one pair of keys that the local IAM knows. */
export const localKeys = { accessKeyId: 'local', secretAccessKey: 'local' } as const;

/** SigV4: a signature is good for five minutes, before and after. */
const patience = 5 * 60_000;

export interface SignedRequest {
  readonly method: string;
  /** As it came, with its query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
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

const form =
  /^AWS4-HMAC-SHA256 +Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, *SignedHeaders=([^,]+), *Signature=([0-9a-f]{64})$/;

/** Whether a request has a signature of version 4 by the local keys, as IAM wants it of every request to the API. */
export function isSigned(request: SignedRequest, now: number): boolean {
  const parts = partsOf(request.headers.authorization);
  const time = String(request.headers['x-amz-date']);
  if (!parts || parts.accessKeyId !== localKeys.accessKeyId || parts.service !== 'execute-api') return false;
  if (!time.startsWith(parts.day) || Math.abs(timeOf(time) - now) > patience) return false;
  if (!parts.signedHeaders.includes('host')) return false;
  return timingSafeEqual(signatureOf(request, parts, time), Buffer.from(parts.signature, 'hex'));
}

function partsOf(authorization: string | undefined): Parts | undefined {
  const [, accessKeyId, day, region, service, headers, signature] = form.exec(authorization ?? '') ?? [];
  if (!accessKeyId || !day || !region || !service || !headers || !signature) return undefined;
  return { accessKeyId, day, region, service, signedHeaders: headers.split(';'), signature };
}

function signatureOf(request: SignedRequest, { day, region, service, signedHeaders }: Parts, time: string): Buffer {
  const { method, headers, body } = request;
  const [path = '', query = ''] = request.url.split('?');
  const canonical = [
    method,
    escaped(path).replaceAll('%2F', '/'), // once more: every service but S3 wants it so
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
  const key = [day, region, service, 'aws4_request'].reduce<Buffer>(
    hmac,
    Buffer.from(`AWS4${localKeys.secretAccessKey}`),
  );
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

/** RFC 3986. */
function escaped(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** `20261120T173141Z` */
function timeOf(time: string): number {
  return Date.parse(time.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'));
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
