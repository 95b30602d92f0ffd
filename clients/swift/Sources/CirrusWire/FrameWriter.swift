import Foundation

/// Turns MQTT bytes in any chunking into numbered text frames of whole packets, or of slices of one large packet.
/// Use one for each connection, and not from several threads at a time.
public struct FrameWriter {
    /// Maximum raw bytes in a frame: their base64 leaves 16 of API Gateway's 32,768 characters for number and dot.
    public static let maxFrameBytes = 24_564

    /// Maximum Packet Size of the broker in bytes, fixed header included.
    public static let maxPacketBytes = 97_280

    private static let maxHeaderBytes = 5

    private var frames: [String] = []
    private var number = 0
    private var whole = Data()
    private var packet = Data()
    private var inHeader = true
    private var first: UInt8 = 0
    private var isSkipped = false
    private var remainingLength = 0
    private var missing = 0

    public init() {}

    /// True if whole packets wait for `flush`.
    public var isFlushDue: Bool { !whole.isEmpty }

    /// Takes bytes of the stream and returns the full frames; `flush` returns the rest. A PUBLISH that is too
    /// large fails once: resent with DUP, as libraries do after each reconnect, it is discarded.
    /// Do not write anything after an error.
    public mutating func write(_ bytes: Data) throws -> [String] {
        var rest = bytes[...]
        while let first = rest.first {
            if inHeader {
                try readHeader(first)
                rest = rest.dropFirst()
            } else {
                rest = rest.dropFirst(readBody(rest))
            }
        }
        return takeFrames()
    }

    /// Returns a frame with the whole packets written since the last one; an incomplete packet stays.
    public mutating func flush() -> [String] {
        endFrame()
        return takeFrames()
    }

    private mutating func readHeader(_ byte: UInt8) throws {
        packet.append(byte)
        if packet.count == 1 {
            first = byte
            return
        }
        remainingLength |= Int(byte & 0x7f) << (7 * (packet.count - 2))
        if byte < 0x80 {
            try startBody()
        } else if packet.count == Self.maxHeaderBytes {
            throw WireError.malformedRemainingLength
        }
    }

    private mutating func startBody() throws {
        let bytes = packet.count + remainingLength
        let isAcknowledged = (first & 0xf0) == 0x30 && (first & 0x06) != 0  // PUBLISH at QoS 1 or 2
        isSkipped = bytes > Self.maxPacketBytes && isAcknowledged && (first & 0x08) != 0
        if bytes > Self.maxPacketBytes && !isSkipped { throw WireError.packetTooLarge(bytes) }
        inHeader = false
        missing = remainingLength
        if missing == 0 { endPacket() }
    }

    private mutating func readBody(_ bytes: Data) -> Int {
        let taken = min(bytes.count, missing)
        if !isSkipped { packet.append(bytes.prefix(taken)) }
        missing -= taken
        if missing == 0 { endPacket() }
        return taken
    }

    private mutating func endPacket() {
        let bytes = packet
        packet = Data()
        inHeader = true
        remainingLength = 0
        if isSkipped { return }
        if whole.count + bytes.count > Self.maxFrameBytes { endFrame() }
        if bytes.count <= Self.maxFrameBytes {
            whole.append(bytes)
        } else {
            addSlices(of: bytes)
        }
    }

    private mutating func addSlices(of bytes: Data) {
        for start in stride(from: 0, to: bytes.count, by: Self.maxFrameBytes) {
            addFrame(bytes.dropFirst(start).prefix(Self.maxFrameBytes))
        }
    }

    private mutating func endFrame() {
        if whole.isEmpty { return }
        addFrame(whole)
        whole = Data()
    }

    private mutating func addFrame(_ bytes: Data) {
        number += 1
        frames.append("\(number).\(bytes.base64EncodedString())")
    }

    private mutating func takeFrames() -> [String] {
        defer { frames = [] }
        return frames
    }
}
