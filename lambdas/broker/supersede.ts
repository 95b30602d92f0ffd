import type { Dispatch } from './dispatch';
import { publishWill } from './end-connection';
import { connectionOf } from './fence';
import type { Supersede } from './open-session';
import type { Ports } from './ports';
import type { Publisher } from './publish';

/** Milliseconds after which a turn that was running is over: the time-out of the function that handles packets, and a second. */
export const longestTurn = 21_000;

/**
 * Settles what an older connection still owes when the takeover timeout has passed: frames of it that are handled later are
 * dropped, and its will is published now, unless it has a delay within which the session goes on [MQTT-3.1.3-9]. A connection with
 * incoming QoS 2 messages is not taken over before its last turn is certainly over, which may be routing one of them.
 */
export function superseding(ports: Ports, publisher: Publisher, dispatch: Dispatch): Supersede {
  return async ({ clientId, fence, willAt }, { cleanStart }) => {
    const connectionId = connectionOf(fence);
    const former = await ports.connectionStore.supersede(connectionId, ports.now());
    if (former?.supersededAt !== undefined && former.unreleased > 0) {
      const left = former.supersededAt + longestTurn - ports.now();
      if (left > 0) return { secondsLeft: Math.ceil(left / 1000) };
    }
    ports.log('superseded', { clientId, connectionId });
    const will = await ports.sessions.will(clientId, connectionId);
    if (!will) return 'superseded';
    if (cleanStart || will.delay === 0 || willAt !== undefined) {
      await publishWill(ports, publisher, { clientId, connectionId }, will);
      await dispatch.sendMessages(); // while a next attempt would still find the will
    }
    await ports.sessions.removeWill(clientId, connectionId);
    return 'superseded';
  };
}
