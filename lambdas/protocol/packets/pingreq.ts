import type { Effect } from '../effects';

/** PINGREQ, section 3.12. */
export function handlePingreq(): Effect[] {
  return [{ do: 'send', packet: { cmd: 'pingresp' } }]; // [v3 MQTT-3.12.4-1]
}
