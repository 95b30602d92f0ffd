import { UPSTREAM_KEEP_ALIVE } from './local-ping';

/** Options of the connection to the gateway. All are optional. */
export interface GatewayOptions {
  /**
   * Returns the bearer token for the next handshake. The shim calls it before every handshake, so that a reconnect does not use
   * an expired token. If it throws or rejects, the connection attempt fails with a `TokenError`.
   */
  token?: () => string | Promise<string>;
  /**
   * Place of the token in a browser, which cannot set headers: `subprotocol` (the default) keeps it out of URLs, which get
   * logged; `query` is for proxies that accept no subprotocol but `mqtt`. Node sends `Authorization: Bearer`.
   */
  tokenIn?: 'subprotocol' | 'query';
  /**
   * Batch window in milliseconds, 0 to 60,000: packets written within it share a frame, and every frame is billed. With 0, the
   * default, it ends with the current turn of the event loop. CONNECT, PINGREQ, DISCONNECT and packets larger than a frame do
   * not wait, nor do packets written before them.
   */
  batchMs?: number;
  /**
   * Keep-alive towards the broker in seconds, 10 to 540. The shim raises the keep-alive in CONNECT to it and answers PINGREQs in
   * between locally, which costs nothing. Off by default. The price: the broker detects a dead client after 1.5 times this value
   * instead of 1.5 times the client's keep-alive.
   */
  upstreamKeepAlive?: number;
  /**
   * Age in seconds at which the shim ends the connection with DISCONNECT, so that the client reconnects before API Gateway ends
   * the connection at 7,200 seconds. The actual age is random within this range, at an idle moment. `[6600, 7080]` by default;
   * `false` leaves the end to API Gateway.
   */
  renewAfter?: readonly [earliest: number, latest: number] | false;
}

const optionNames: readonly string[] = [
  'token',
  'tokenIn',
  'batchMs',
  'upstreamKeepAlive',
  'renewAfter',
] satisfies (keyof GatewayOptions)[];

/** API Gateway ends every connection at this age, in seconds. */
const MAX_AGE = 7_200;

/**
 * The options with their defaults.
 *
 * @throws RangeError with the name of a wrong option, its value and the allowed values
 */
export function withDefaults(options: GatewayOptions) {
  refuseUnknown(options); // Otherwise a misspelt `token` would connect without a token.
  const { token, tokenIn = 'subprotocol', batchMs = 0, upstreamKeepAlive, renewAfter = [6_600, 7_080] } = options;
  if (token !== undefined && typeof token !== 'function') throw wrong('token', typeof token, 'a function');
  if (tokenIn !== 'subprotocol' && tokenIn !== 'query') throw wrong('tokenIn', tokenIn, 'subprotocol or query');
  if (!isWithin(batchMs, 0, 60_000)) throw wrong('batchMs', batchMs, 'a number from 0 to 60000');
  if (upstreamKeepAlive !== undefined && !isKeepAlive(upstreamKeepAlive))
    throw wrong('upstreamKeepAlive', upstreamKeepAlive, `a whole number from 10 to ${UPSTREAM_KEEP_ALIVE}`);
  if (renewAfter !== false && !isSpan(renewAfter))
    throw wrong(
      'renewAfter',
      JSON.stringify(renewAfter),
      `false or two numbers from 0 to ${MAX_AGE}, the smaller one first`,
    );
  return { token, tokenIn, batchMs, upstreamKeepAlive, renewAfter };
}

function refuseUnknown(options: object): void {
  const unknown = Object.keys(options).find((name) => !optionNames.includes(name));
  if (unknown !== undefined) throw new RangeError(`there is no option ${unknown}; there are ${optionNames.join(', ')}`);
}

function isWithin(value: number, min: number, max: number): boolean {
  return typeof value === 'number' && value >= min && value <= max;
}

function isKeepAlive(value: number): boolean {
  return Number.isInteger(value) && isWithin(value, 10, UPSTREAM_KEEP_ALIVE);
}

function isSpan(value: readonly [number, number]): boolean {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [earliest, latest] = value as [number, number];
  return isWithin(earliest, 0, latest) && isWithin(latest, 0, MAX_AGE);
}

function wrong(name: string, value: unknown, allowed: string): RangeError {
  return new RangeError(`option ${name} takes ${allowed}, not ${String(value)}`);
}

/** The option `token` returned no token for a handshake; `cause` is the error that it threw, if any. */
export class TokenError extends Error {
  override readonly name = 'TokenError';
  /** MQTT.js reports an error of its stream only if it has a code. */
  readonly code = 'CIRRUS_TOKEN';
}

/**
 * Calls the option `token`.
 *
 * @throws TokenError if it fails or returns something that is no bearer token; the message does not contain the value
 */
export async function tokenFrom(token: () => string | Promise<string>): Promise<string> {
  const given = await call(token);
  if (typeof given === 'string' && /^[\w.~+/-]+=*$/.test(given)) return given; // RFC 6750 section 2.1
  throw new TokenError(`token gave ${typeof given === 'string' ? 'a text' : typeof given} that is no bearer token`);
}

async function call(token: () => string | Promise<string>): Promise<string> {
  try {
    return await token();
  } catch (cause) {
    throw new TokenError(`no token: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
