import Foundation

/// Reads the text frames of the server.
public enum FrameReader {
    /// The MQTT bytes of a frame, which are always whole packets.
    public static func read(_ frame: String) throws -> Data {
        if frame.hasPrefix("{") { throw WireError.gateway(report(in: frame)) }
        // Foundation accepts unused bits that are set; only strict base64 survives decoding and encoding.
        guard let bytes = Data(base64Encoded: frame), !bytes.isEmpty, bytes.base64EncodedString() == frame else {
            throw WireError.notBase64(frame.utf16.count)
        }
        return bytes
    }

    private static func report(in frame: String) -> String {
        let json = try? JSONSerialization.jsonObject(with: Data(frame.utf8)) as? [String: Any]
        return json?["message"] as? String ?? frame
    }
}
