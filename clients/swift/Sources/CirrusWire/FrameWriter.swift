import Foundation

/// Turns MQTT bytes in any chunking into numbered text frames of whole packets, or of slices of a large packet.
/// One for each connection; not for several threads at a time.
public struct FrameWriter {
    /// Raw bytes in a frame: their base64 leaves 16 of API Gateway's 32,768 characters for the number and its dot.
    public static let maxFrameBytes = 24_564

    /// The broker's Maximum Packet Size in bytes, fixed header included.
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

    /// Whether whole packets wait for `flush`.
    public var isFlushDue: Bool { !whole.isEmpty }

    /// Takes bytes of the stream and returns the frames that are full; the rest leaves with `flush`. A PUBLISH that is too
    /// large fails once: sent again with DUP, as libraries do after each reconnect, it is left out.
    /// After an error nothing may be written.
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

    /// Returns a frame of the whole packets written since the last one; a packet still incomplete stays.
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
        let isAcknowledged = (first & 0xf0) == 0x30 && (first & 0x06) != 0  // a PUBLISH at QoS 1 or 2
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
