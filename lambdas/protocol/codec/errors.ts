import { ProtocolError, Reason } from '../reason-codes';

/** The bytes cannot be read as the specification says: MQTT 5.0 section 1.2, "Malformed Packet". */
export function malformedPacket(problem: string): ProtocolError {
  return new ProtocolError(Reason.malformedPacket, problem);
}

/** The bytes can be read, but the protocol does not allow what they say: MQTT 5.0 section 1.2, "Protocol Error". */
export function protocolError(problem: string): ProtocolError {
  return new ProtocolError(Reason.protocolError, problem);
}
