import type { Identity } from '../../access/identity';
import { Reason } from '../../protocol/reason-codes';
import { together } from '../../shared/parallel';
import type { ConnectionStore } from '../ports/connection-store';
import type { Ports } from '../ports/ports';

/** What clients of MQTT 3.1.1 and 3.1 offer; the specification names the first [v3 MQTT-6.0.0-3]. */
const spoken = ['mqtt', 'mqttv3.1'];

/** What a client brings to the handshake. */
export interface Offer {
  readonly connectionId: string;
  readonly subprotocols: readonly string[];
  readonly token?: string;
}

/** An HTTP status, the subprotocol to echo, and for people why the handshake is refused. */
export interface HandshakeAnswer {
  readonly status: number;
  readonly subprotocol?: string;
  readonly body?: string;
}

/** Says whether a token is good. */
export interface TokenVerification {
  verify(
    token: string,
    now: number,
  ): Promise<{ readonly identity: Identity } | { readonly refused: string; readonly reason: number }>;
}

/** Little, because a client waits for all of it to be loaded. */
export interface HandshakePorts extends Pick<Ports, 'log' | 'now' | 'metrics'> {
  readonly connectionStore: Pick<ConnectionStore, 'putPending'>;
  readonly timers: Pick<Ports['timers'], 'scheduleConnectTimeout'>;
}

export interface HandshakeProps {
  readonly ports: HandshakePorts;
  /** Absent when nobody issues tokens; then what looks like one is not looked at. */
  readonly tokens?: TokenVerification;
  /** Whether nobody comes in without a token. */
  readonly tokenRequired: boolean;
  /** Seconds until CONNECT has to have been accepted. */
  readonly connectTimeout: number;
}

/** The WebSocket handshake: everything before the first MQTT packet. */
export class Handshake {
  constructor(private readonly props: HandshakeProps) {}

  async answer(offer: Offer): Promise<HandshakeAnswer> {
    const { ports, connectTimeout } = this.props;
    const subprotocol = offer.subprotocols.find((name) => spoken.includes(name.toLowerCase()));
    if (subprotocol === undefined && offer.subprotocols.length > 0) {
      return { status: 400, body: 'offer the subprotocol mqtt' };
    }
    const proof = await this.prove(offer);
    if ('status' in proof) return proof;
    const pending = { connectionId: offer.connectionId, lastNumber: 0, tail: Buffer.alloc(0), early: [] };
    await together([
      proof.proved && ports.connectionStore.putPending({ ...pending, proved: proof.proved }),
      ports.timers.scheduleConnectTimeout(offer.connectionId, connectTimeout),
    ]);
    return { status: 200, ...(subprotocol !== undefined && { subprotocol }) };
  }

  /** A client that brings a token means to be known by it, so a bad one is never passed over. */
  private async prove({ connectionId, token }: Offer): Promise<HandshakeAnswer | { readonly proved?: Identity }> {
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
