import type { Effect } from '../effects';

/** DISCONNECT, section 3.14: the client leaves on purpose, so its will is not published [v3 MQTT-3.14.4-3]. */
export function handleDisconnect(): Effect[] {
  return [{ do: 'end' }];
}
