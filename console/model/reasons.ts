/** Names of the reason codes of MQTT 5.0, section 2.4. */
const names: Readonly<Record<number, string>> = {
  0: 'Success',
  4: 'Disconnect with Will Message',
  16: 'No matching subscribers',
  17: 'No subscription existed',
  128: 'Unspecified error',
  129: 'Malformed Packet',
  130: 'Protocol Error',
  131: 'Implementation specific error',
  132: 'Unsupported Protocol Version',
  133: 'Client Identifier not valid',
  134: 'Bad User Name or Password',
  135: 'Not authorized',
  136: 'Server unavailable',
  137: 'Server busy',
  138: 'Banned',
  139: 'Server shutting down',
  140: 'Bad authentication method',
  141: 'Keep Alive timeout',
  142: 'Session taken over',
  143: 'Topic Filter invalid',
  144: 'Topic Name invalid',
  145: 'Packet Identifier in use',
  146: 'Packet Identifier not found',
  147: 'Receive Maximum exceeded',
  148: 'Topic Alias invalid',
  149: 'Packet too large',
  150: 'Message rate too high',
  151: 'Quota exceeded',
  152: 'Administrative action',
  153: 'Payload format invalid',
  154: 'Retain not supported',
  155: 'QoS not supported',
  156: 'Use another server',
  157: 'Server moved',
  158: 'Shared Subscriptions not supported',
  159: 'Connection rate exceeded',
  160: 'Maximum connect time',
  161: 'Subscription Identifiers not supported',
  162: 'Wildcard Subscriptions not supported',
};

/** CONNACK return codes of MQTT 3.1.1, table 3.1, with the equivalent reason codes of MQTT 5.0. */
const connackCodes: Readonly<Record<number, number>> = { 1: 0x84, 2: 0x85, 3: 0x88, 4: 0x86, 5: 0x87 };

/** Hints for users. */
const advice: Readonly<Record<number, string>> = {
  132: 'choose the other version of MQTT',
  133: 'this login may not use the client id, or the client id is too long',
  134: 'user name or password is wrong, or the broker requires them',
  135: 'no rule of the broker allows it',
  136: 'the connection limit of this login is reached, or the broker is unavailable',
  141: 'the broker received no packet for one and a half times the keep-alive',
  142: 'another client has connected with this client id',
  143: 'the broker does not accept this topic filter',
  149: 'the maximum packet size is 97,280 bytes',
  151: 'a limit of the broker is reached',
  152: 'an administrator has disconnected this client',
  160: 'the token has expired',
};

/** Formats a reason code, for example `Not authorized (0x87): no rule of the broker allows it`. */
export function describeReason(code: number): string {
  const hint = advice[code];
  const hex = `0x${code.toString(16).padStart(2, '0')}`;
  return `${names[code] ?? 'Unknown reason'} (${hex})${hint === undefined ? '' : `: ${hint}`}`;
}

/** Formats the code of a CONNACK, of either version: MQTT 3.1.1 numbers them differently. */
export function describeRefusal(code: number): string {
  return describeReason(connackCodes[code] ?? code);
}
