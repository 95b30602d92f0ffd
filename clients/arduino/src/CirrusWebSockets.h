#ifndef CIRRUS_WEB_SOCKETS_H
#define CIRRUS_WEB_SOCKETS_H

#include <WebSocketsClient.h>

#include <functional>

#include "CirrusSocket.h"

/** The library WebSockets by Markus Sattler (arduinoWebSockets, 2.x) under `CirrusClient`. */
class CirrusWebSockets : public CirrusSocket {
 public:
  /** Calls one of the functions of `WebSocketsClient` that begin with `begin`, with path and subprotocol `mqtt`. */
  typedef std::function<void(WebSocketsClient &webSocket, const char *host, uint16_t port)> Begin;

  /** `timeout`: time limit of the handshake in milliseconds. */
  CirrusWebSockets(WebSocketsClient &webSocket, Begin begin, unsigned long timeout = 10000)
      : webSocket_(webSocket), begin_(begin), timeout_(timeout) {}

  bool open(const char *host, uint16_t port, CirrusListener &listener) override {
    listener_ = &listener;
    state_ = OPENING;
    webSocket_.onEvent([this](WStype_t type, uint8_t *payload, size_t length) { onEvent(type, payload, length); });
    begin_(webSocket_, host, port);
    for (const unsigned long start = millis(); state_ == OPENING && millis() - start < timeout_; yield())
      webSocket_.loop();
    if (state_ != OPEN) close();
    return state_ == OPEN;
  }

  bool isOpen() override { return state_ == OPEN; }

  bool sendText(char *frame, size_t length) override { return webSocket_.sendTXT(frame, length); }

  /** The library reconnects by itself, which would continue the old frame numbers. So a closed socket is not polled. */
  void poll() override {
    if (state_ != OPEN) return;
    polling_ = true;
    webSocket_.loop();
    polling_ = false;
    if (state_ != OPEN) webSocket_.disconnect();
  }

  /** During `poll` it waits for the end of the poll, because the library still uses its buffers. */
  void close() override {
    state_ = CLOSED;
    if (!polling_) webSocket_.disconnect();
  }

 private:
  enum State { CLOSED, OPENING, OPEN };

  void onEvent(WStype_t type, uint8_t *payload, size_t length) {
    const char *text = reinterpret_cast<const char *>(payload);
    switch (type) {
      case WStype_CONNECTED: state_ = OPEN; break;
      case WStype_DISCONNECTED: state_ = CLOSED; break;
      case WStype_TEXT: listener_->onText(text, length, true, true); break;
      case WStype_FRAGMENT_TEXT_START: listener_->onText(text, length, true, false); break;
      case WStype_FRAGMENT: listener_->onText(text, length, false, false); break;
      case WStype_FRAGMENT_FIN: listener_->onText(text, length, false, true); break;
      case WStype_BIN:
      case WStype_FRAGMENT_BIN_START: listener_->onForeign(); break;
      default: break;
    }
  }

  WebSocketsClient &webSocket_;
  const Begin begin_;
  const unsigned long timeout_;
  CirrusListener *listener_ = nullptr;
  State state_ = CLOSED;
  bool polling_ = false;
};

#endif
