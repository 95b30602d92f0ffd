import CirrusWebSocket
import CocoaMQTTWebSocket
import Foundation

/// Makes `CocoaMQTTWebSocket` use text frames: `CocoaMQTTWebSocket(uri: "wss://…/mqtt", builder: CirrusConnectionBuilder())`.
public struct CirrusConnectionBuilder: CocoaMQTTWebSocketConnectionBuilder {
    public init() {}

    public func buildConnection(
        forURL url: URL, withHeaders headers: [String: String]
    ) throws -> CocoaMQTTWebSocketConnection {
        let configuration = URLSessionConfiguration.default
        configuration.httpAdditionalHeaders = headers
        return CirrusConnection(url: url, configuration: configuration)
    }
}

/// The WebSocket for CocoaMQTT, with text frames. CocoaMQTT sets `delegate` and `queue` before it connects.
public final class CirrusConnection: NSObject, CocoaMQTTWebSocketConnection {
    public weak var delegate: CocoaMQTTWebSocketConnectionDelegate?
    public var queue = DispatchQueue(label: "CirrusConnection")

    private let url: URL
    private let configuration: URLSessionConfiguration
    private var socket: TextFrameSocket?

    public init(url: URL, configuration: URLSessionConfiguration) {
        self.url = url
        self.configuration = configuration
    }

    public func connect() {
        let socket = TextFrameSocket(url: url, configuration: configuration, queue: queue)
        socket.onOpen = { [weak self] in
            guard let self = self else { return }
            self.delegate?.connectionOpened(self)
        }
        socket.onBytes = { [weak self] bytes in
            guard let self = self else { return }
            self.delegate?.connection(self, receivedData: bytes)
        }
        socket.onClose = { [weak self] reason in
            guard let self = self else { return }
            self.delegate?.connectionClosed(self, withError: reason, withCode: nil)
        }
        socket.onChallenge = { [weak self] challenge, decide in
            guard let self = self else { return decide(.cancelAuthenticationChallenge, nil) }
            self.answer(challenge, decide)
        }
        self.socket = socket
        socket.open()
    }

    public func disconnect() {
        delegate = nil
        socket?.close()
        socket = nil
    }

    public func write(data: Data, handler: @escaping (Error?) -> Void) {
        socket?.write(data, completion: handler)
    }

    /// CocoaMQTT's settings apply to certificates, as for its own connections.
    private func answer(
        _ challenge: URLAuthenticationChallenge, _ decide: @escaping TextFrameSocket.ChallengeCompletion
    ) {
        guard let trust = challenge.protectionSpace.serverTrust, let delegate = delegate else {
            return decide(.performDefaultHandling, nil)
        }
        delegate.urlSessionConnection(
            self, didReceiveTrust: trust, didReceiveChallenge: challenge, completionHandler: decide
        )
    }
}
