#pragma once

#include <string.h>

#include "IPAddress.h"

class Print {
 public:
  virtual size_t write(uint8_t byte) = 0;
  virtual size_t write(const uint8_t *bytes, size_t length) = 0;
  size_t write(const char *text) { return write(reinterpret_cast<const uint8_t *>(text), strlen(text)); }
  virtual void flush() {}

 protected:
  ~Print() {}
};

class Client : public Print {
 public:
  virtual int connect(IPAddress address, uint16_t port) = 0;
  virtual int connect(const char *host, uint16_t port) = 0;
  using Print::write;
  virtual int available() = 0;
  virtual int read() = 0;
  virtual int read(uint8_t *bytes, size_t length) = 0;
  virtual int peek() = 0;
  virtual void stop() = 0;
  virtual uint8_t connected() = 0;
  virtual operator bool() = 0;

 protected:
  ~Client() {}
};
