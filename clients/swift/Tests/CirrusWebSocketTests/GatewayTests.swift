import CirrusWebSocket
import Foundation
import XCTest
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Runs against the gateway in `CIRRUS_GATEWAY`, for example that of the local cloud.
final class GatewayTests: XCTestCase {
    private let queue = DispatchQueue(label: "GatewayTests")

    private func gateway() throws -> URL {
        guard let address = ProcessInfo.processInfo.environment["CIRRUS_GATEWAY"], let url = URL(string: address) else {
            throw XCTSkip("CIRRUS_GATEWAY names no gateway")
        }
        return url
    }

    func testConnectsPublishesInSlicesAndHears() throws {
        let socket = TextFrameSocket(url: try gateway(), configuration: .default, queue: queue)
        let connect = packet(0x10, Data([0, 4]) + Data("MQTT".utf8) + Data([4, 2, 0, 20, 0, 0]))
        let large = packet(0x32, Data([0, 5]) + Data("large".utf8) + Data([0, 7]) + Data(repeating: 0x2a, count: 90_000))
        let small = packet(0x30, Data([0, 1, 0x61]) + Data("hello".utf8))
        let acknowledgements = [Data([0x20, 2, 0, 0]), Data([0x90, 3, 0, 1, 0]), Data([0x40, 2, 0, 7])]
        let heard = expectation(description: "the broker acknowledges, and sends a message back")
        let sent = expectation(description: "each write completes")
        sent.expectedFulfillmentCount = 4
        var received = Data()
        let write = { (bytes: Data) in
            socket.write(bytes) { error in
                XCTAssertNil(error)
                sent.fulfill()
            }
        }
        socket.onOpen = { [connect, packet(0x82, Data([0, 1, 0, 1, 0x61, 0])), large].forEach(write) }
        socket.onBytes = { bytes in
            received += bytes
            if received == acknowledgements.reduce(Data(), +) { write(small) }
            if received == (acknowledgements + [small]).reduce(Data(), +) { heard.fulfill() }
        }
        socket.onClose = { XCTFail("closed: \(String(describing: $0))") }

        queue.async { socket.open() }

        wait(for: [sent, heard], timeout: 20)
        queue.sync { socket.close() }
    }

    func testTellsThatAPacketIsTooLarge() throws {
        let socket = TextFrameSocket(url: try gateway(), configuration: .default, queue: queue)
        let refused = expectation(description: "the write fails")

        queue.async {
            socket.write(packet(0x30, Data(count: 98_304))) { error in
                XCTAssertEqual(error?.localizedDescription, "a packet of 98308 bytes is over the limit of 97280")
                refused.fulfill()
            }
        }

        wait(for: [refused], timeout: 5)
    }

    func testTellsThatTheBrokerClosed() throws {
        let socket = TextFrameSocket(url: try gateway(), configuration: .default, queue: queue)
        let opened = expectation(description: "the gateway agrees")
        let closed = expectation(description: "the connection ends, and once only")
        socket.onOpen = {
            opened.fulfill()
            socket.write(Data([0xc0, 0])) { XCTAssertNil($0) } // PINGREQ must not be the first packet.
        }
        socket.onBytes = { XCTFail("received \($0)") }
        socket.onClose = { _ in closed.fulfill() }

        queue.async { socket.open() }

        wait(for: [opened, closed], timeout: 20, enforceOrder: true)
    }
}

private func packet(_ type: UInt8, _ body: Data) -> Data {
    var header = Data([type])
    var left = body.count
    repeat {
        header.append(UInt8(left & 0x7f) | (left > 0x7f ? 0x80 : 0))
        left >>= 7
    } while left > 0
    return header + body
}
