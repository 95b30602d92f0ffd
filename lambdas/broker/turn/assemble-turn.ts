import type { ServerPacket } from '../../protocol/packets';
import { ClientProtocol } from '../connect/client-protocol';
import { ConnectFlow } from '../connect/connect-flow';
import { PendingConnect } from '../connect/pending-connect';
import type { StoredConnection } from '../model/connection';
import type { ConnectionEvent } from '../model/connection-event';
import { createPublishing, type Publishing } from '../publishing/create-publishing';
import { SessionDeleter } from '../session/delete-session';
import { ConnectionState } from './connection-state';
import { PendingWrites } from './pending-writes';
import { Responses } from './responses';
import { SubscriptionChanges } from './subscription-changes';
import type { TurnInput } from './turn-input';
import type { TurnMode } from './turn-modes';

/** One turn: its input, its state, and the collaborators that work on it. */
export interface Turn extends TurnInput, Publishing {
  readonly mode: TurnMode;
  readonly state: ConnectionState;
  readonly protocol: ClientProtocol;
  readonly connectFlow: ConnectFlow;
  readonly writes: PendingWrites;
  readonly subscriptions: SubscriptionChanges;
  readonly responses: Responses;
  readonly deleter: SessionDeleter;
  /**
   * Names work that this turn leaves to another; the same when the turn is repeated. A turn that continues work of an earlier
   * one leaves it under a new name, even if nothing was done.
   */
  readonly continuationId: string;
}

/** Assembles the collaborators of a turn that begins with this stored or remembered connection. */
export function assembleTurn(input: TurnInput, stored: StoredConnection, mode: TurnMode): Turn {
  const { ports, settings, router, connectionId, events } = input;
  const state = new ConnectionState(stored, events, settings);
  const pending = new PendingConnect(ports.connectionStore, connectionId, stored.pending);
  const protocol = new ClientProtocol(stored.connection, pending.exchangeConnect);
  const stream = { connectionId, aliases: state.aliases };
  const publishing = createPublishing({ ports, settings, router, stream, writingTurn: () => state.writingTurn() });
  const { dispatch, deliverer, publisher } = publishing;
  const continuationId = continuationIdOf(events);
  const deleter = new SessionDeleter({ ports, deliverer, dispatch, continuationId });
  const clientId = () => state.connection?.clientId;
  const responses = new Responses({ ports, connectionId, outbox: dispatch.outbox, protocol, clientId });
  const writes = new PendingWrites({ ports, publisher, dispatch, state });
  const subscriptions = new SubscriptionChanges({ ports, settings, router, state, writes, dispatch, responses });
  const send = (packet: ServerPacket) => responses.send(packet);
  const connecting = { ports, settings, deleter, publisher, dispatch, protocol, connectionId, events, send };
  return {
    ...input,
    ...publishing,
    mode,
    state,
    protocol,
    connectFlow: new ConnectFlow(connecting, pending),
    writes,
    subscriptions,
    responses,
    deleter,
    continuationId,
  };
}

function continuationIdOf(events: readonly ConnectionEvent[]): string {
  const [first] = events;
  return [first, ...events.filter(({ kind }) => kind === 'continue')].map((event) => event?.id).join(' ');
}
