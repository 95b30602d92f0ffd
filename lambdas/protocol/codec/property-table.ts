import { Reason } from '../reason-codes';

/** Data type of a property value, section 1.5. `boolean` is a byte with the value 0 or 1. */
export type PropertyFormat =
  | 'boolean'
  | 'byte'
  | 'uint16'
  | 'uint32'
  | 'varint'
  | 'text'
  | 'topicName'
  | 'binary'
  | 'pair';

export interface Property {
  readonly id: number;
  readonly name: string;
  readonly format: PropertyFormat;
  /** True if the property may occur more than once. Its value is a list then. */
  readonly repeats?: boolean;
  /** Reason code for the value 0; absent if 0 is allowed. */
  readonly zero?: number;
}

/** Every property of MQTT 5.0, table 2-4, by its name in `packets.ts`. */
export const properties: readonly Property[] = [
  { id: 0x01, name: 'payloadFormatIndicator', format: 'boolean' },
  { id: 0x02, name: 'messageExpiryInterval', format: 'uint32' },
  { id: 0x03, name: 'contentType', format: 'text' },
  { id: 0x08, name: 'responseTopic', format: 'topicName' },
  { id: 0x09, name: 'correlationData', format: 'binary' },
  { id: 0x0b, name: 'subscriptionIdentifier', format: 'varint', zero: Reason.protocolError },
  { id: 0x0b, name: 'subscriptionIdentifiers', format: 'varint', repeats: true },
  { id: 0x11, name: 'sessionExpiryInterval', format: 'uint32' },
  { id: 0x12, name: 'assignedClientIdentifier', format: 'text' },
  { id: 0x13, name: 'serverKeepAlive', format: 'uint16' },
  { id: 0x15, name: 'authenticationMethod', format: 'text' },
  { id: 0x16, name: 'authenticationData', format: 'binary' },
  { id: 0x17, name: 'requestProblemInformation', format: 'boolean' },
  { id: 0x18, name: 'willDelayInterval', format: 'uint32' },
  { id: 0x19, name: 'requestResponseInformation', format: 'boolean' },
  { id: 0x1a, name: 'responseInformation', format: 'text' },
  { id: 0x1c, name: 'serverReference', format: 'text' },
  { id: 0x1f, name: 'reasonString', format: 'text' },
  { id: 0x21, name: 'receiveMaximum', format: 'uint16', zero: Reason.protocolError },
  { id: 0x22, name: 'topicAliasMaximum', format: 'uint16' },
  { id: 0x23, name: 'topicAlias', format: 'uint16', zero: Reason.topicAliasInvalid },
  { id: 0x24, name: 'maximumQoS', format: 'byte' },
  { id: 0x25, name: 'retainAvailable', format: 'boolean' },
  { id: 0x26, name: 'userProperties', format: 'pair', repeats: true },
  { id: 0x27, name: 'maximumPacketSize', format: 'uint32', zero: Reason.protocolError },
  { id: 0x28, name: 'wildcardSubscriptionAvailable', format: 'boolean' },
  { id: 0x29, name: 'subscriptionIdentifiersAvailable', format: 'boolean' },
  { id: 0x2a, name: 'sharedSubscriptionAvailable', format: 'boolean' },
];
