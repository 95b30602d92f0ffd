#ifndef CIRRUS_CLIENT_H
#define CIRRUS_CLIENT_H

#include <Arduino.h>
#include <Client.h>
#include <IPAddress.h>

#include "CirrusSocket.h"
#include "cirrus_wire.h"

/** What `CirrusClient` is without its memory. */
class CirrusClientBase : public Client, private CirrusListener {
 public:
  /** Returns 1, or 0 when there is no connection to be had. */
  int connect(const char *host, uint16_t port) override;
  /** The same; TLS cannot check a certificate for an address. */
  int connect(IPAddress address, uint16_t port) override;
  size_t write(uint8_t byte) override;
  /** Takes bytes of MQTT; a packet leaves when it is whole. Returns `length`, or 0 when the connection is over. */
  size_t write(const uint8_t *bytes, size_t length) override;
  using Print::write;
  int available() override;
  int read() override;
  int read(uint8_t *bytes, size_t length) override;
  int peek() override;
  /** There is nothing to flush: packets leave when they are whole. */
  void flush() override {}
  void stop() override;
  uint8_t connected() override;
  operator bool() override { return connected(); }

  /** Why the connection ended, in English, if it broke the wire format or what is received did not fit. */
  const char *error() const { return error_; }

 protected:
  CirrusClientBase(CirrusSocket &socket, uint8_t *raw, size_t rawSize, char *text, uint8_t *received,
                   size_t receivedSize);

 private:
  static bool send(void *context, char *frame, size_t length);
  void onText(const char *text, size_t length, bool first, bool last) override;
  void onForeign() override;
  void fail(const char *error);

  CirrusSocket &socket_;
  uint8_t *const raw_;
  const size_t rawSize_;
  char *const text_;
  uint8_t *const received_;
  const size_t receivedSize_;
  size_t receivedAt_ = 0;
  size_t receivedEnd_ = 0;
  const char *error_ = "";
  cirrus_writer writer_;
  cirrus_reader reader_;
};

/**
 * A `Client` that carries MQTT in text frames over a WebSocket.
 *
 * `SendBytes`: bytes of MQTT in a frame, 5 to 24,564; larger packets leave in slices, each of which is billed.
 * `ReceiveBytes`: bytes of MQTT that may wait to be read, at least as many as the largest message from the gateway has,
 * which may hold several packets. Both are memory of the object, besides 4/3 of `SendBytes`.
 */
template <size_t SendBytes = 1024, size_t ReceiveBytes = 4096>
class CirrusClient : public CirrusClientBase {
  static_assert(SendBytes >= 5 && SendBytes <= CIRRUS_MAX_FRAME_BYTES, "SendBytes has to be from 5 to 24,564");

 public:
  explicit CirrusClient(CirrusSocket &socket)
      : CirrusClientBase(socket, raw_, SendBytes, text_, received_, ReceiveBytes) {}

 private:
  uint8_t raw_[SendBytes];
  char text_[CIRRUS_TEXT_SIZE(SendBytes)];
  uint8_t received_[ReceiveBytes];
};

#endif
