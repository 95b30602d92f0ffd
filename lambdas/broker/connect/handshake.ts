import type { Identity } from '../../access/identity';
import { Reason } from '../../protocol/reason-codes';
import { together } from '../../shared/parallel';
import type { ConnectionStore } from '../ports/connection-store';
import type { Ports } from '../ports/ports';

/** Subprotocols of MQTT 3.1.1 and 5.0 [v3 MQTT-6.0.0-3], and of MQTT 3.1. */
const subprotocols = ['mqtt', 'mqttv3.1'];

/** The request of a WebSocket handshake. */
export interface HandshakeRequest {
  readonly connectionId: string;
  readonly subprotocols: readonly string[];
  readonly token?: string;
}

/** The response of a WebSocket handshake: HTTP status, chosen subprotocol, and for people the cause of a refusal. */
export interface HandshakeResponse {
  readonly status: number;
  readonly subprotocol?: string;
  readonly body?: string;
}

/** Verifies bearer tokens. */
export interface TokenVerification {
  verify(
    token: string,
    now: number,
  ): Promise<{ readonly identity: Identity } | { readonly refused: string; readonly reason: number }>;
}

/** Few ports, because a client waits until all their code is loaded. */
export interface HandshakePorts extends Pick<Ports, 'log' | 'now' | 'metrics'> {
  readonly connectionStore: Pick<ConnectionStore, 'putPending'>;
  readonly timers: Pick<Ports['timers'], 'scheduleConnectTimeout'>;
}

/** Options of the handshake. */
export interface HandshakeProps {
  readonly ports: HandshakePorts;
  /** Absent where no issuer is configured; then tokens are ignored. */
  readonly tokens?: TokenVerification;
  /** True if a handshake without a token is refused. */
  readonly tokenRequired: boolean;
  /** Seconds after which a connection is closed whose client is not connected. */
  readonly connectTimeout: number;
}

/** Answers the WebSocket handshake: everything before the first MQTT packet. */
export class Handshake {
  constructor(private readonly props: HandshakeProps) {}

  async respond(request: HandshakeRequest): Promise<HandshakeResponse> {
    const { ports, connectTimeout } = this.props;
    const subprotocol = request.subprotocols.find((name) => subprotocols.includes(name.toLowerCase()));
    if (subprotocol === undefined && request.subprotocols.length > 0) {
      return { status: 400, body: 'offer the subprotocol mqtt' };
    }
    const proof = await this.identify(request);
    if ('status' in proof) return proof;
    const pending = { connectionId: request.connectionId, lastNumber: 0, tail: Buffer.alloc(0), early: [] };
    await together([
      proof.proved && ports.connectionStore.putPending({ ...pending, proved: proof.proved }),
      ports.timers.scheduleConnectTimeout(request.connectionId, connectTimeout),
    ]);
    return { status: 200, ...(subprotocol !== undefined && { subprotocol }) };
  }

  /** An invalid token is refused, also where anonymous clients are allowed: its client wants that identity. */
  private async identify({
    connectionId,
    token,
  }: HandshakeRequest): Promise<HandshakeResponse | { readonly proved?: Identity }> {
    const { ports, tokens, tokenRequired } = this.props;
    if (token === undefined || tokens === undefined) {
      return tokenRequired ? { status: 401, body: 'bring a bearer token' } : {};
    }
    const outcome = await tokens.verify(token, ports.now());
    if ('identity' in outcome) return { proved: outcome.identity };
    ports.log('handshake refused', { connectionId, why: outcome.refused });
    ports.metrics.count('RefusedLogins');
    const isUnknown = outcome.reason === Reason.serverUnavailable;
    return isUnknown ? { status: 503, body: 'try again later' } : { status: 401, body: 'the token is not accepted' };
  }
}
