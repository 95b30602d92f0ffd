/** What clients of MQTT 3.1.1 and 3.1 offer; the specification names the first [v3 MQTT-6.0.0-3]. */
const spoken = ['mqtt', 'mqttv3.1'];

/**
 * The subprotocol to echo: the first one offered that the broker speaks. `none` when the client offered nothing, `refused`
 * when it offered only others.
 */
export function chooseSubprotocol(header: string | undefined): { chosen: string } | 'none' | 'refused' {
  const offered = (header ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (offered.length === 0) return 'none';
  const chosen = offered.find((name) => spoken.includes(name.toLowerCase()));
  return chosen === undefined ? 'refused' : { chosen };
}
