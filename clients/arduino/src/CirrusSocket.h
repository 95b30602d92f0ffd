#ifndef CIRRUS_SOCKET_H
#define CIRRUS_SOCKET_H

#include <stddef.h>
#include <stdint.h>

/** Whoever wants to know what arrives on a WebSocket. */
class CirrusListener {
 public:
  /** Characters of a text message: whether it begins with them, and whether it ends. */
  virtual void onText(const char *text, size_t length, bool first, bool last) = 0;
  /** Something else than text, which no gateway sends. */
  virtual void onForeign() = 0;

 protected:
  ~CirrusListener() {}
};

/** A WebSocket client with the subprotocol `mqtt`, of whichever library. */
class CirrusSocket {
 public:
  /** Connects and shakes hands; returns whether it is open. What arrives is told to the listener, from `poll` only. */
  virtual bool open(const char *host, uint16_t port, CirrusListener &listener) = 0;
  virtual bool isOpen() = 0;
  /** Sends one text frame, and may mask it in place; returns whether it was sent. */
  virtual bool sendText(char *frame, size_t length) = 0;
  /** Reads what has arrived, without waiting. */
  virtual void poll() = 0;
  /** Closes it for good: only `open` opens it again. */
  virtual void close() = 0;

 protected:
  ~CirrusSocket() {}
};

#endif
