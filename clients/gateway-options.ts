import { UPSTREAM_KEEP_ALIVE } from './local-ping';

/** How a client keeps its connections to the gateway. All of it may be left out. */
export interface GatewayOptions {
  /**
   * Asked before each handshake for the token that it brings along, so that a reconnect never shows one that has expired.
   * If it fails, so does the connection, with its error.
   */
  token?: () => string | Promise<string>;
  /**
   * Where a browser puts the token, which can set no header: `subprotocol` (the default) keeps it out of addresses, which get
   * logged; `query` is for what lies between and knows no subprotocol but `mqtt`. Node sends `Authorization: Bearer`.
   */
  tokenIn?: 'subprotocol' | 'query';
  /**
   * Milliseconds that packets wait for others to share their frame with, 0 to 60,000; every frame is billed. 0, the default,
   * is the end of the turn. CONNECT, PINGREQ, DISCONNECT and packets larger than a frame do not wait, nor does what is
   * before them.
   */
  batchMs?: number;
  /**
   * Seconds between two packets that the broker needs to hear, 10 to 540. PINGREQs in between are answered on this side and
   * cost nothing; the keep-alive in CONNECT is raised to it. Off unless given. What is lost: the broker notices after
   * 1.5 times as long that a client has gone without a word.
   */
  upstreamKeepAlive?: number;
  /**
   * The connection is ended by this side, with DISCONNECT, when it is between so many seconds old: at a random moment that
   * is quiet, for the client to connect again before API Gateway ends it at 7,200. `[6600, 7080]` unless given; `false`
   * leaves it to API Gateway.
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
const OLDEST = 7_200;

/**
 * The options with everything filled in that has a default.
 *
 * @throws RangeError naming the option, its value and what is allowed
 */
export function withDefaults(options: GatewayOptions) {
  refuseUnknown(options); // A misspelt `token` would connect without one.
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
      `false or two numbers from 0 to ${OLDEST}, the smaller one first`,
    );
  return { token, tokenIn, batchMs, upstreamKeepAlive, renewAfter };
}

function refuseUnknown(options: object): void {
  const unknown = Object.keys(options).find((name) => !optionNames.includes(name));
  if (unknown !== undefined) throw new RangeError(`there is no option ${unknown}; there are ${optionNames.join(', ')}`);
}

function isWithin(value: number, least: number, most: number): boolean {
  return typeof value === 'number' && value >= least && value <= most;
}

function isKeepAlive(value: number): boolean {
  return Number.isInteger(value) && isWithin(value, 10, UPSTREAM_KEEP_ALIVE);
}

function isSpan(value: readonly [number, number]): boolean {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [earliest, latest] = value as [number, number];
  return isWithin(earliest, 0, latest) && isWithin(latest, 0, OLDEST);
}

function wrong(name: string, value: unknown, allowed: string): RangeError {
  return new RangeError(`option ${name} takes ${allowed}, not ${String(value)}`);
}

/** There is no token for a handshake; `cause` is the error of whoever should have given one. */
export class TokenError extends Error {
  override readonly name = 'TokenError';
  /** MQTT.js reports an error of its stream only if it has a code. */
  readonly code = 'CIRRUS_TOKEN';
}

/**
 * A token as whoever was asked for it gave it.
 *
 * @throws TokenError when there is none, or something else; what it was is not said
 */
export async function tokenFrom(token: () => string | Promise<string>): Promise<string> {
  const given = await asked(token);
  if (typeof given === 'string' && /^[\w.~+/-]+=*$/.test(given)) return given; // RFC 6750 section 2.1
  throw new TokenError(`token gave ${typeof given === 'string' ? 'a text' : typeof given} that is no bearer token`);
}

async function asked(token: () => string | Promise<string>): Promise<string> {
  try {
    return await token();
  } catch (cause) {
    throw new TokenError(`no token: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
