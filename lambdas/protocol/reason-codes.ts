/** Reason codes this broker speaks, in the numbers of MQTT 5.0 (table 2-6). MQTT 3.1.1 hears some of them as CONNACK return codes. */
export const Reason = {
  success: 0x00,
  malformedPacket: 0x81,
  protocolError: 0x82,
  unsupportedProtocolVersion: 0x84,
  clientIdentifierNotValid: 0x85,
  badUserNameOrPassword: 0x86,
  notAuthorized: 0x87,
  serverUnavailable: 0x88,
  topicFilterInvalid: 0x8f,
  topicNameInvalid: 0x90,
  packetTooLarge: 0x95,
} as const;

/** SUBACK return code "Failure" of MQTT 3.1.1, table of section 3.9.3. */
export const subscriptionFailure = 0x80;

/** The client broke the protocol. The shell answers as the client's version allows and closes the connection [v3 MQTT-4.8.0-1]. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly reason: number;

  constructor(reason: number, message: string) {
    super(message);
    this.reason = reason;
  }
}

const returnCodes = new Map<number, number>([
  [Reason.unsupportedProtocolVersion, 0x01],
  [Reason.clientIdentifierNotValid, 0x02],
  [Reason.serverUnavailable, 0x03],
  [Reason.badUserNameOrPassword, 0x04],
  [Reason.notAuthorized, 0x05],
]);

/**
 * The CONNACK return code of MQTT 3.1 and 3.1.1 for a refused CONNECT, or undefined where none fits: then the connection is
 * closed without a CONNACK [v3 MQTT-3.2.2-6].
 */
export function connackCode(reason: number): number | undefined {
  return returnCodes.get(reason);
}
