#include "CirrusClient.h"

#include <stdio.h>
#include <string.h>

CirrusClientBase::CirrusClientBase(CirrusSocket &socket, uint8_t *raw, size_t rawSize, char *text, uint8_t *received,
                                   size_t receivedSize)
    : socket_(socket),
      raw_(raw),
      rawSize_(rawSize),
      text_(text),
      received_(received),
      receivedSize_(receivedSize) {}

int CirrusClientBase::connect(const char *host, uint16_t port) {
  stop();
  error_ = "";
  receivedAt_ = receivedEnd_ = 0;
  cirrus_writer_begin(&writer_, raw_, rawSize_, text_, send, this);
  cirrus_reader_begin(&reader_);
  return socket_.open(host, port, *this) ? 1 : 0;
}

int CirrusClientBase::connect(IPAddress address, uint16_t port) {
  char host[16];
  snprintf(host, sizeof host, "%u.%u.%u.%u", address[0], address[1], address[2], address[3]);
  return connect(host, port);
}

bool CirrusClientBase::send(void *context, char *frame, size_t length) {
  return static_cast<CirrusClientBase *>(context)->socket_.sendText(frame, length);
}

size_t CirrusClientBase::write(uint8_t byte) { return write(&byte, 1); }

size_t CirrusClientBase::write(const uint8_t *bytes, size_t length) {
  if (!socket_.isOpen()) return 0;
  cirrus_result result = cirrus_writer_write(&writer_, bytes, length);
  if (result == CIRRUS_OK) result = cirrus_writer_flush(&writer_);
  if (result == CIRRUS_OK) return length;
  fail(cirrus_describe(result));
  return 0;
}

int CirrusClientBase::available() {
  if (receivedAt_ == receivedEnd_) {
    receivedAt_ = receivedEnd_ = 0;
    socket_.poll();
  }
  return static_cast<int>(receivedEnd_ - receivedAt_);
}

int CirrusClientBase::read() {
  uint8_t byte;
  return read(&byte, 1) == 1 ? byte : -1;
}

int CirrusClientBase::read(uint8_t *bytes, size_t length) {
  const size_t waiting = static_cast<size_t>(available());
  if (waiting == 0) return -1;
  if (length > waiting) length = waiting;
  memcpy(bytes, received_ + receivedAt_, length);
  receivedAt_ += length;
  return static_cast<int>(length);
}

int CirrusClientBase::peek() { return available() > 0 ? received_[receivedAt_] : -1; }

void CirrusClientBase::stop() {
  if (socket_.isOpen()) socket_.close();
}

uint8_t CirrusClientBase::connected() { return available() > 0 || socket_.isOpen(); }

void CirrusClientBase::onText(const char *text, size_t length, bool first, bool last) {
  if (error_[0] != 0) return;
  if (first) cirrus_reader_begin(&reader_);
  if (receivedSize_ - receivedEnd_ < CIRRUS_DECODED_SIZE(length)) return fail("what was received does not fit");
  size_t decoded;
  cirrus_result result = cirrus_reader_read(&reader_, text, length, received_ + receivedEnd_, &decoded);
  receivedEnd_ += decoded;
  if (result == CIRRUS_OK && last) result = cirrus_reader_end(&reader_);
  if (result != CIRRUS_OK) fail(cirrus_describe(result));
}

void CirrusClientBase::onForeign() { fail("a binary frame from the gateway"); }

void CirrusClientBase::fail(const char *error) {
  error_ = error;
  stop();
}
