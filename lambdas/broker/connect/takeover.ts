import { connectionOf } from '../model/fence';
import type { Dispatch } from '../outbound/dispatch';
import type { Ports } from '../ports/ports';
import type { Publisher } from '../publishing/publisher';
import type { Supersede } from '../session/claim-session';
import { publishWill } from '../session/will';

/** Milliseconds after which a turn that was running is over: the time-out of the function that handles packets, and a second. */
export const longestTurn = 21_000;

/** Collaborators of a turn whose CONNECT has waited for the takeover timeout. */
interface TakeoverTurn {
  readonly ports: Ports;
  readonly publisher: Publisher;
  readonly dispatch: Dispatch;
}

/**
 * Finishes an older connection that has not ended within the takeover timeout. First it is marked as superseded. While it still handles
 * frames, it renews the mark with each turn, and the new connection continues to wait. When no turn has begun for longer than a turn
 * may last, frames that are handled later are dropped, and its will is published here, unless the will has a delay within which the
 * session goes on [MQTT-3.1.3-9]. Before that, a turn may still hold or route a QoS 2 message that the new connection handles as well.
 *
 * @param since When the new connection began to wait, milliseconds since 1970. A connection without a record is in its first turn: it
 *   cannot be marked, but has begun before.
 */
export function takeoverAfterTimeout({ ports, publisher, dispatch }: TakeoverTurn, since: number): Supersede {
  return async ({ clientId, owner, fence, willAt, identity }, { cleanStart }) => {
    const connectionId = connectionOf(fence);
    const former = await ports.connectionStore.markSuperseded(connectionId, ports.now());
    const left = (former?.supersededAt ?? since) + longestTurn - ports.now();
    if (owner && left > 0) return { secondsLeft: Math.ceil(left / 1000) };
    const markedAt = former?.supersededAt;
    if (markedAt !== undefined && (await ports.connectionStore.markTakenOver(connectionId, markedAt)) === 'changed') {
      return { secondsLeft: longestTurn / 1000 };
    }
    ports.log('superseded', { clientId, connectionId });
    const will = await ports.sessions.will(clientId, connectionId);
    if (!will) return 'superseded';
    if (cleanStart || will.delay === 0 || willAt !== undefined) {
      await publishWill(ports, publisher, { clientId, connectionId, identity, will });
      await dispatch.sendMessages(); // while a next attempt would still find the will
    }
    await ports.sessions.removeWill(clientId, connectionId);
    return 'superseded';
  };
}
