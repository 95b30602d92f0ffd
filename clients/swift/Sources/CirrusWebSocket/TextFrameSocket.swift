import CirrusWire
import Foundation
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// A connection to the gateway that turns MQTT bytes into text frames and back.
/// Call all methods on `queue`, which must be serial; all callbacks run there.
public final class TextFrameSocket: NSObject, @unchecked Sendable {
    public typealias Completion = (Error?) -> Void

    private struct Outgoing {
        let frame: String
        var completions: [Completion] = []
    }

    public let queue: DispatchQueue
    /// Called after the handshake.
    public var onOpen: () -> Void = {}
    /// Called with whole packets, never empty.
    public var onBytes: (Data) -> Void = { _ in }
    /// Called once at the end of the connection, but not after `close`; the reason is `nil` if the gateway gave none.
    public var onClose: (Error?) -> Void = { _ in }
    /// Handles an authentication challenge, for example the certificate of the gateway; the system's default if absent.
    public var onChallenge: ((URLAuthenticationChallenge, @escaping ChallengeCompletion) -> Void)?

    public typealias ChallengeCompletion = (URLSession.AuthChallengeDisposition, URLCredential?) -> Void

    private let url: URL
    private let configuration: URLSessionConfiguration
    private var session: URLSession?
    private var task: URLSessionWebSocketTask?
    private var frames = FrameWriter()
    private var outgoing: [Outgoing] = []
    /// Completions of writes that are not completely in a frame yet.
    private var pending: [Completion] = []
    private var isSending = false
    private var isTurnEnding = false

    /// `configuration` may contain headers for the handshake, for example `Authorization`.
    public init(url: URL, configuration: URLSessionConfiguration, queue: DispatchQueue) {
        self.url = url
        self.configuration = configuration
        self.queue = queue
    }

    /// Connects; call it once.
    public func open() {
        let session = URLSession(configuration: configuration, delegate: self, delegateQueue: nil)
        let task = session.webSocketTask(with: url, protocols: ["mqtt"])
        self.session = session
        self.task = task
        task.resume()
        receive(from: task)
    }

    /// Takes bytes of the stream. Writes in the same turn of the queue, or while a frame is sent, share a frame.
    public func write(_ bytes: Data, completion: @escaping Completion) {
        do {
            outgoing += try frames.write(bytes).map { Outgoing(frame: $0) }
            pending.append(completion)
            endTurn()
        } catch {
            completion(error)
        }
    }

    /// Ends the connection. Incomplete writes may be lost.
    public func close() {
        task?.cancel(with: .normalClosure, reason: nil)
        session?.finishTasksAndInvalidate() // Otherwise the session keeps this object forever.
        task = nil
        session = nil
    }

    private func endTurn() {
        if isTurnEnding { return }
        isTurnEnding = true
        queue.async {
            self.isTurnEnding = false
            self.sendNext()
        }
    }

    private func sendNext() {
        guard let task = task, !isSending else { return }
        if outgoing.isEmpty { outgoing = frames.flush().map { Outgoing(frame: $0) } }
        if !frames.isFlushDue { settlePending() }
        guard !outgoing.isEmpty else { return }
        let next = outgoing.removeFirst()
        isSending = true
        task.send(.string(next.frame)) { error in
            self.queue.async {
                self.isSending = false
                next.completions.forEach { $0(error) }
                if error == nil { self.sendNext() }
            }
        }
    }

    /// A write is complete when the last frame of all its bytes has been sent.
    private func settlePending() {
        let settled = pending
        pending = []
        if outgoing.isEmpty {
            settled.forEach { $0(nil) }
        } else {
            outgoing[outgoing.count - 1].completions += settled
        }
    }

    private func receive(from task: URLSessionWebSocketTask) {
        task.receive { result in
            self.queue.async {
                guard task === self.task else { return }
                do {
                    self.onBytes(try Self.bytes(of: result.get()))
                    self.receive(from: task)
                } catch {
                    self.end(error)
                }
            }
        }
    }

    private static func bytes(of message: URLSessionWebSocketTask.Message) throws -> Data {
        guard case .string(let frame) = message else { throw WireError.binaryFrame }
        return try FrameReader.read(frame)
    }

    private func end(_ reason: Error?) {
        guard task != nil else { return }
        close()
        onClose(reason)
    }
}

extension TextFrameSocket: URLSessionWebSocketDelegate {
    public func urlSession(
        _ session: URLSession, webSocketTask: URLSessionWebSocketTask, didOpenWithProtocol subprotocol: String?
    ) {
        queue.async {
            guard webSocketTask === self.task else { return }
            self.onOpen()
        }
    }

    public func urlSession(
        _ session: URLSession, webSocketTask: URLSessionWebSocketTask,
        didCloseWith closeCode: URLSessionWebSocketTask.CloseCode, reason: Data?
    ) {
        queue.async {
            guard webSocketTask === self.task else { return }
            self.end(nil)
        }
    }

    public func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: Error?) {
        queue.async {
            guard task === self.task else { return }
            self.end(error)
        }
    }

    public func urlSession(
        _ session: URLSession, task: URLSessionTask, didReceive challenge: URLAuthenticationChallenge,
        completionHandler: @escaping ChallengeCompletion
    ) {
        queue.async {
            if let onChallenge = self.onChallenge {
                onChallenge(challenge, completionHandler)
            } else {
                completionHandler(.performDefaultHandling, nil)
            }
        }
    }
}

#if canImport(FoundationNetworking)
// Foundation on Linux has only the asynchronous form of these two.
extension URLSessionWebSocketTask {
    fileprivate func send(_ message: Message, completionHandler: @escaping @Sendable (Error?) -> Void) {
        Task {
            do {
                try await self.send(message)
                completionHandler(nil)
            } catch {
                completionHandler(error)
            }
        }
    }

    fileprivate func receive(completionHandler: @escaping @Sendable (Result<Message, Error>) -> Void) {
        Task {
            do {
                completionHandler(.success(try await self.receive()))
            } catch {
                completionHandler(.failure(error))
            }
        }
    }
}
#endif
