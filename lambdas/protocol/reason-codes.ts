/**
 * Reason codes of MQTT 5.0, section 2.4. 0x00 also means Normal disconnection and Granted QoS 0. `connackCode` maps some of them to the
 * CONNACK return codes of MQTT 3.1.1.
 */
export const Reason = {
  success: 0x00,
  grantedQos1: 0x01,
  grantedQos2: 0x02,
  disconnectWithWill: 0x04,
  noMatchingSubscribers: 0x10,
  noSubscriptionExisted: 0x11,
  continueAuthentication: 0x18,
  reAuthenticate: 0x19,
  unspecifiedError: 0x80,
  malformedPacket: 0x81,
  protocolError: 0x82,
  implementationSpecificError: 0x83,
  unsupportedProtocolVersion: 0x84,
  clientIdentifierNotValid: 0x85,
  badUserNameOrPassword: 0x86,
  notAuthorized: 0x87,
  serverUnavailable: 0x88,
  serverBusy: 0x89,
  banned: 0x8a,
  serverShuttingDown: 0x8b,
  badAuthenticationMethod: 0x8c,
  keepAliveTimeout: 0x8d,
  sessionTakenOver: 0x8e,
  topicFilterInvalid: 0x8f,
  topicNameInvalid: 0x90,
  packetIdentifierInUse: 0x91,
  packetIdentifierNotFound: 0x92,
  receiveMaximumExceeded: 0x93,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
  messageRateTooHigh: 0x96,
  quotaExceeded: 0x97,
  administrativeAction: 0x98,
  payloadFormatInvalid: 0x99,
  retainNotSupported: 0x9a,
  qosNotSupported: 0x9b,
  useAnotherServer: 0x9c,
  serverMoved: 0x9d,
  sharedSubscriptionsNotSupported: 0x9e,
  connectionRateExceeded: 0x9f,
  maximumConnectTime: 0xa0,
  subscriptionIdentifiersNotSupported: 0xa1,
  wildcardSubscriptionsNotSupported: 0xa2,
} as const;

/** SUBACK return code "Failure" of MQTT 3.1.1, table of section 3.9.3. */
export const subscriptionFailure = 0x80;

/**
 * The client violated the protocol. The broker sends the reason code in a packet that the client's protocol version has, and closes the
 * connection [v3 MQTT-4.8.0-1].
 */
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
  [Reason.quotaExceeded, 0x03],
  [Reason.connectionRateExceeded, 0x03],
  [Reason.badUserNameOrPassword, 0x04],
  [Reason.notAuthorized, 0x05],
]);

/**
 * Returns the CONNACK return code of MQTT 3.1 and 3.1.1 for a reason code; undefined if there is none. The connection is closed without
 * CONNACK then [v3 MQTT-3.2.2-6].
 */
export function connackCode(reason: number): number | undefined {
  return returnCodes.get(reason);
}
