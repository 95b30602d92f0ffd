#ifndef CIRRUS_CLIENT_H
#define CIRRUS_CLIENT_H

#include <Arduino.h>
#include <Client.h>
#include <IPAddress.h>

#include "CirrusSocket.h"
#include "cirrus_wire.h"

/** `CirrusClient` without its buffers. */
class CirrusClientBase : public Client, private CirrusListener {
 public:
  /** Returns 1, or 0 if the connection failed. */
  int connect(const char *host, uint16_t port) override;
  /** The same for an IP address, for which TLS cannot check a certificate. */
  int connect(IPAddress address, uint16_t port) override;
  size_t write(uint8_t byte) override;
  /** Takes MQTT bytes and sends each complete packet. Returns `length`, or 0 if the connection has ended. */
  size_t write(const uint8_t *bytes, size_t length) override;
  using Print::write;
  int available() override;
  int read() override;
  int read(uint8_t *bytes, size_t length) override;
  int peek() override;
  /** Does nothing: packets are sent when they are complete. */
  void flush() override {}
  void stop() override;
  uint8_t connected() override;
  operator bool() override { return connected(); }

  /** The reason, if the connection ended because of the wire format or a full receive buffer. */
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
 * A `Client` that sends and receives MQTT in text frames over a WebSocket.
 *
 * `SendBytes`: maximum bytes of MQTT in a frame, 5 to 24,564; larger packets are sent in slices, and each is billed.
 * `ReceiveBytes`: size of the receive buffer, at least as large as the largest message from the gateway,
 * which may contain several packets. The object contains both buffers, and 4/3 of `SendBytes`.
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
