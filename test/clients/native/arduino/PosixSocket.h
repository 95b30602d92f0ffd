#pragma once

#include "CirrusSocket.h"
#include "posix_websocket.h"

/* A WebSocket library as an Arduino program meets it. */
class PosixSocket : public CirrusSocket {
 public:
  PosixSocket() { socket_.fd = -1; }

  bool open(const char *host, uint16_t port, CirrusListener &listener) override {
    listener_ = &listener;
    return posix_websocket_open(&socket_, host, port, "/mqtt", "");
  }

  bool isOpen() override { return socket_.fd >= 0; }

  bool sendText(char *frame, size_t length) override {
    return posix_websocket_send(&socket_, OPCODE_TEXT, frame, length);
  }

  void poll() override {
    char text[700];
    if (!posix_websocket_readable(&socket_, 0)) return;
    const bool first = socket_.left == 0;
    const int length = posix_websocket_read(&socket_, text, sizeof text);
    if (length < 0) return close();
    if (length == 0) return;
    if (socket_.opcode == OPCODE_BINARY) return listener_->onForeign();
    const bool last = socket_.left == 0 && socket_.fin;
    listener_->onText(text, static_cast<size_t>(length), first && socket_.opcode == OPCODE_TEXT, last);
  }

  void close() override { posix_websocket_close(&socket_); }

 private:
  posix_websocket socket_;
  CirrusListener *listener_ = nullptr;
};
