import Foundation

/// The gateway, or the library above, violated the wire format, or API Gateway responded in place of the broker.
/// The connection cannot continue.
public enum WireError: Error, Equatable {
    /// A packet is too large; its size in bytes, header included. Nothing of it was sent.
    case packetTooLarge(Int)
    case malformedRemainingLength
    /// A frame is not strict base64; its number of characters.
    case notBase64(Int)
    case binaryFrame
    /// Error message of API Gateway.
    case gateway(String)
}

extension WireError: LocalizedError {
    public var errorDescription: String? {
        switch self {
        case .packetTooLarge(let bytes):
            return "a packet of \(bytes) bytes is over the limit of \(FrameWriter.maxPacketBytes)"
        case .malformedRemainingLength:
            return "malformed remaining length: more than 4 bytes"
        case .notBase64(let characters):
            return "frame is not base64: \(characters) characters"
        case .binaryFrame:
            return "binary frame from the gateway"
        case .gateway(let report):
            return "gateway: \(report)"
        }
    }
}
