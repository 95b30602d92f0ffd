/* MQTT bytes from stdin through the Client, and back to stdout: HOST PORT. It uses the Client as PubSubClient does. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "CirrusClient.h"
#include "PosixSocket.h"


static bool fromClient(Client &client) {
  while (client.available() > 0) {
    const uint8_t byte = static_cast<uint8_t>(client.read());
    if (::write(STDOUT_FILENO, &byte, 1) != 1) return false;
  }
  return client.connected();
}

static bool fromStdin(Client &client) {
  uint8_t bytes[1000];
  struct pollfd wanted = {STDIN_FILENO, POLLIN, 0};
  if (::poll(&wanted, 1, 2) == 0) return true;
  const ssize_t length = ::read(STDIN_FILENO, bytes, sizeof bytes);
  if (length <= 0) return false;
  const size_t half = static_cast<size_t>(length) / 2;
  if (client.write(bytes, half) != half) return false;
  for (size_t i = half; i < static_cast<size_t>(length); i++)
    if (client.write(bytes[i]) != 1) return false;
  return true;
}

static bool connect(CirrusClientBase &client, const char *host, uint16_t port) {
  if (host[0] != '1') return client.connect(host, port) == 1;
  unsigned a, b, c, d;
  sscanf(host, "%u.%u.%u.%u", &a, &b, &c, &d);
  return client.connect(IPAddress(uint8_t(a), uint8_t(b), uint8_t(c), uint8_t(d)), port) == 1;
}

/* A connection before the one that counts: what it leaves behind, half a packet and a frame number, must not matter. */
static void connectBefore(Client &client, const char *host, uint16_t port) {
  static const uint8_t pingAndMore[] = {0xc0, 0x00, 0x30};
  if (client.connect(host, port) == 1) client.write(pingAndMore, sizeof pingAndMore);
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  PosixSocket socket;
  CirrusClient<> client(socket);
  connectBefore(client, argv[1], static_cast<uint16_t>(atoi(argv[2])));
  if (!connect(client, argv[1], static_cast<uint16_t>(atoi(argv[2])))) return 1;
  while (fromClient(client) && fromStdin(client)) continue;
  client.stop();
  fputs(client.error(), stderr);
  return 0;
}
