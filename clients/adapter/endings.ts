import { Reason } from '../../lambdas/protocol/reason-codes';
import type { DialError } from './dials';
import type { EndReason } from './metrics';

/** The reason why the connection of a client ends. */
export interface Ending {
  /** Label of the metric and of the log. */
  readonly reason: EndReason;
  readonly message: string;
  /** Reason code of MQTT 5.0 for the client; absent where MQTT has none. */
  readonly code?: number;
}

/** All endings that have no parameter. */
export const ending = {
  adapterCloses: { reason: 'shutdown', message: 'the adapter closes', code: Reason.serverShuttingDown },
  clientLeft: { reason: 'client_left', message: 'client left' },
  evicted: { reason: 'gave_way', message: 'evicted for another client before CONNACK' },
  maxAge: {
    reason: 'max_age',
    message: 'the connection is as old as it may become',
    code: Reason.maximumConnectTime,
  },
  noConnect: { reason: 'no_connect', message: 'the first packet is no CONNECT' }, // [MQTT-3.1.0-1]
} as const satisfies Record<string, Ending>;

export function clientFailed({ message }: Error): Ending {
  return { reason: 'client_error', message: `client: ${message}` };
}

export function gatewayFailed({ message }: Error): Ending {
  return { reason: 'gateway_error', message, code: Reason.serverUnavailable };
}

/** @param closeCode of the WebSocket */
export function gatewayLeft(closeCode: number): Ending {
  return { reason: 'gateway_left', message: `gateway left with ${closeCode}` };
}

export function notConnected({ message, reason }: DialError): Ending {
  const code =
    reason === 'denied' ? Reason.notAuthorized : reason === 'throttled' ? Reason.serverBusy : Reason.serverUnavailable;
  return { reason: 'not_connected', message, code };
}

export function connectTimedOut(seconds: number): Ending {
  return { reason: 'no_connect', message: `no CONNECT within ${seconds} s` };
}

export function badPacket(message: string, code: number): Ending {
  return { reason: 'bad_packet', message, code };
}

export function clientStalled(seconds: number): Ending {
  return { reason: 'stalled', message: `the client took nothing for ${seconds} s` };
}

export function gatewayStalled(seconds: number): Ending {
  const message = `the gateway took nothing for ${seconds} s`;
  return { reason: 'stalled', message, code: Reason.serverUnavailable };
}

export function clientSilent(seconds: number): Ending {
  return { reason: 'silent', message: `the client was silent for ${seconds} s`, code: Reason.keepAliveTimeout };
}

export function brokerSilent(seconds: number): Ending {
  const message = `the broker answered no ping within ${seconds} s`;
  return { reason: 'silent', message, code: Reason.serverUnavailable };
}
