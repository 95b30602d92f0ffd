import { ProtocolError, Reason } from '../../protocol/reason-codes';

/** Messages and bytes that a connection may still publish: a token bucket. */
export interface PublishAllowance {
  readonly messages: number;
  readonly bytes: number;
  /** Time of this state, milliseconds since 1970. */
  readonly at: number;
}

/** Limits per second; 0 is no limit. */
export interface PublishLimits {
  readonly maxPublishRate: number;
  readonly maxPublishBytes: number;
}

/** Size of the bucket in seconds of its rate: devices report in bursts. */
const burst = 10;

/** A PUBLISH that counts against the limits. */
export interface ChargedPublish {
  /** Bytes of the packet. */
  readonly bytes: number;
  /** Time at which the gateway received it, milliseconds since 1970. */
  readonly at: number;
}

/**
 * Returns the allowance that one more PUBLISH leaves; undefined where nothing is limited.
 *
 * @throws ProtocolError 0x96 when the PUBLISH exceeds the allowance.
 */
export function spend(
  before: PublishAllowance | undefined,
  limits: PublishLimits,
  { bytes, at }: ChargedPublish,
): PublishAllowance | undefined {
  const { maxPublishRate, maxPublishBytes } = limits;
  if (maxPublishRate === 0 && maxPublishBytes === 0) return undefined;
  const left = refilled(before, limits, at);
  const after = { messages: left.messages - 1, bytes: left.bytes - bytes, at: left.at };
  if (maxPublishRate > 0 && after.messages < 0) throw tooMuch(`more than ${maxPublishRate} messages a second`);
  if (maxPublishBytes > 0 && after.bytes < 0) throw tooMuch(`more than ${maxPublishBytes} bytes a second`);
  return after;
}

function refilled(before: PublishAllowance | undefined, limits: PublishLimits, now: number): PublishAllowance {
  const { maxPublishRate, maxPublishBytes } = limits;
  const seconds = before ? Math.max(0, now - before.at) / 1000 : burst;
  const left = (had: number, rate: number) => Math.min(had + seconds * rate, burst * rate);
  return {
    messages: left(before?.messages ?? 0, maxPublishRate),
    bytes: left(before?.bytes ?? 0, maxPublishBytes),
    at: Math.max(now, before?.at ?? 0),
  };
}

/** Returns whether a tenth of a second refills the bucket. */
export function isAlmostFull(before: PublishAllowance | undefined, limits: PublishLimits, now: number): boolean {
  const { maxPublishRate, maxPublishBytes } = limits;
  const { messages, bytes } = refilled(before, limits, now + 100);
  return messages >= burst * maxPublishRate && bytes >= burst * maxPublishBytes;
}

function tooMuch(text: string): ProtocolError {
  return new ProtocolError(Reason.messageRateTooHigh, text);
}
