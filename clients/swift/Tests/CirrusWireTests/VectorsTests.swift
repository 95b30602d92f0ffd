import CirrusWire
import Foundation
import XCTest

/// Plays the vectors of docs/wire-vectors.json.
private struct Vectors: Decodable {
    struct Written: Decodable {
        let name: String
        let writes: [String]
        let frames: [String]
    }

    struct Refused: Decodable {
        let name: String
        let writes: [String]
        let error: String
    }

    struct Read: Decodable {
        let name: String
        let frame: String
        let bytes: String
    }

    struct Unreadable: Decodable {
        let name: String
        let frame: String
        let error: String
    }

    let clientToServer: [Written]
    let clientToServerErrors: [Refused]
    let serverToClient: [Read]
    let serverToClientErrors: [Unreadable]

    static func load() throws -> Vectors {
        let path = URL(fileURLWithPath: #filePath).appendingPathComponent("../../../../../docs/wire-vectors.json")
        return try JSONDecoder().decode(Vectors.self, from: Data(contentsOf: path.standardized))
    }
}

/// `<3*2a>` stands for `2a2a2a`.
private func expand(_ text: String) -> String {
    text.components(separatedBy: "<").enumerated().map { index, part in
        if index == 0 { return part }
        let pieces = part.components(separatedBy: ">")
        let run = pieces[0].components(separatedBy: "*")
        return String(repeating: run[1], count: Int(run[0])!) + pieces[1]
    }.joined()
}

private func bytes(_ hex: String) -> Data {
    let digits = Array(expand(hex))
    return Data(stride(from: 0, to: digits.count, by: 2).map { UInt8(String(digits[$0...$0 + 1]), radix: 16)! })
}

private func play(_ writes: [Data]) throws -> [String] {
    var writer = FrameWriter()
    return try writes.flatMap { $0.isEmpty ? writer.flush() : try writer.write($0) } + writer.flush()
}

final class VectorsTests: XCTestCase {
    func testWritesFrames() throws {
        for vector in try Vectors.load().clientToServer {
            XCTAssertEqual(try play(vector.writes.map(bytes)), vector.frames.map(expand), vector.name)
        }
    }

    func testRefusesToWrite() throws {
        for vector in try Vectors.load().clientToServerErrors {
            XCTAssertThrowsError(try play(vector.writes.map(bytes)), vector.name) { error in
                XCTAssertEqual((error as? WireError)?.errorDescription, vector.error)
            }
        }
    }

    func testReadsFrames() throws {
        for vector in try Vectors.load().serverToClient {
            XCTAssertEqual(try FrameReader.read(expand(vector.frame)), bytes(vector.bytes), vector.name)
        }
    }

    func testRefusesToRead() throws {
        for vector in try Vectors.load().serverToClientErrors {
            XCTAssertThrowsError(try FrameReader.read(vector.frame), vector.name) { error in
                XCTAssertEqual((error as? WireError)?.errorDescription, vector.error)
            }
        }
    }

    func testGivesTheSameFramesForAnyChunkingOfATurn() throws {
        let stream = bytes("100d00044d5154540402001400016130acea01000161<29993*2a>c00030060003612f622a")
        let whole = try play([stream])

        XCTAssertEqual(whole.count, 4)
        for size in [1, 7, 4_096] {
            let chunks = stride(from: 0, to: stream.count, by: size).map { stream.dropFirst($0).prefix(size) }
            XCTAssertEqual(try play(chunks), whole)
        }
    }
}
