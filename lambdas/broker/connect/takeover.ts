import { connectionOf } from '../model/fence';
import type { Dispatch } from '../outbound/dispatch';
import type { Ports } from '../ports/ports';
import type { Publisher } from '../publishing/publisher';
import type { Supersede } from '../session/claim-session';
import { publishWill } from '../session/will';

/** Milliseconds after which a turn that was running is over: the time-out of the function that handles packets, and a second. */
export const longestTurn = 21_000;

/**
 * Settles what an older connection still owes when the takeover timeout has passed. First it is marked. While it still handles its
 * frames, it renews the mark with each turn, and the new connection waits on. When no turn has begun for longer than one may last,
 * frames that are handled later are dropped, and its will is published here, unless it has a delay within which the session goes
 * on [MQTT-3.1.3-9]. Before that, a turn may still hold or route a QoS 2 message that the new connection handles as well.
 *
 * @param since When the new connection began to wait, milliseconds since 1970. A connection that has no record yet is in its first
 *   turn, which cannot be marked, but has begun before.
 */
export function takeoverAfterTimeout(ports: Ports, publisher: Publisher, dispatch: Dispatch, since: number): Supersede {
  return async ({ clientId, owner, fence, willAt, identity }, { cleanStart }) => {
    const connectionId = connectionOf(fence);
    const former = await ports.connectionStore.markSuperseded(connectionId, ports.now());
    const left = (former?.supersededAt ?? since) + longestTurn - ports.now();
    if (owner && left > 0) return { secondsLeft: Math.ceil(left / 1000) };
    const mark = former?.supersededAt;
    if (mark !== undefined && (await ports.connectionStore.markTakenOver(connectionId, mark)) === 'changed') {
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
