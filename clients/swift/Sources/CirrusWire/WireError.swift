import Foundation

/// The other side, or the library above, broke the wire format, or API Gateway answered in place of the broker.
/// The connection cannot go on.
public enum WireError: Error, Equatable {
    /// A packet of so many bytes, header included; nothing of it was sent.
    case packetTooLarge(Int)
    case malformedRemainingLength
    /// A frame of so many characters that is not strict base64.
    case notBase64(Int)
    case binaryFrame
    /// What API Gateway said.
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
