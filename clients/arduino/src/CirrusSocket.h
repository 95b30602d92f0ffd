#ifndef CIRRUS_SOCKET_H
#define CIRRUS_SOCKET_H

#include <stddef.h>
#include <stdint.h>

/** Receives the messages of a WebSocket. */
class CirrusListener {
 public:
  /** Characters of a text message; `first` and `last` mark its beginning and its end. */
  virtual void onText(const char *text, size_t length, bool first, bool last) = 0;
  /** A message that is not text; a gateway does not send any. */
  virtual void onForeign() = 0;

 protected:
  ~CirrusListener() {}
};

/** A WebSocket client with the subprotocol `mqtt`, independent of its library. */
class CirrusSocket {
 public:
  /** Connects and performs the handshake; returns true on success. The listener is called only from `poll`. */
  virtual bool open(const char *host, uint16_t port, CirrusListener &listener) = 0;
  virtual bool isOpen() = 0;
  /** Sends one text frame, and may mask it in place; returns true if it was sent. */
  virtual bool sendText(char *frame, size_t length) = 0;
  /** Reads the received data, without waiting. */
  virtual void poll() = 0;
  /** Closes the connection; only `open` opens it again. */
  virtual void close() = 0;

 protected:
  ~CirrusSocket() {}
};

#endif
