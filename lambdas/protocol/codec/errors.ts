import { ProtocolError, Reason } from '../reason-codes';

/** Creates the error for bytes that cannot be parsed: "Malformed Packet", MQTT 5.0 section 1.2. */
export function malformedPacket(problem: string): ProtocolError {
  return new ProtocolError(Reason.malformedPacket, problem);
}

/** Creates the error for a packet that can be parsed but is not allowed: "Protocol Error", MQTT 5.0 section 1.2. */
export function protocolError(problem: string): ProtocolError {
  return new ProtocolError(Reason.protocolError, problem);
}
