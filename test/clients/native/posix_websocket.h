/* A small WebSocket client on POSIX sockets: what a device's library would be, for tests on a host. */
#ifndef POSIX_WEBSOCKET_H
#define POSIX_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { OPCODE_CONT = 0, OPCODE_TEXT = 1, OPCODE_BINARY = 2, OPCODE_CLOSE = 8, OPCODE_PING = 9, OPCODE_PONG = 10 };

typedef struct {
    int fd; /* below 0 when closed */
    int opcode;
    bool fin;
    int length; /* of the payload of the frame under way */
    int left;   /* of it, still to be read */
} posix_websocket;

/* Connects and shakes hands with subprotocol mqtt. headers are more lines, each ended by "\r\n". */
bool posix_websocket_open(posix_websocket *ws, const char *host, int port, const char *path, const char *headers);

/* Sends one final frame, and leaves its payload masked. */
bool posix_websocket_send(posix_websocket *ws, int opcode, char *payload, size_t length);

/* Reads part of a payload: its length, 0 after a control frame, below 0 when the connection is over. */
int posix_websocket_read(posix_websocket *ws, char *buffer, size_t size);

/* Whether there is something to read within so many milliseconds. */
bool posix_websocket_readable(const posix_websocket *ws, int timeout_ms);

void posix_websocket_close(posix_websocket *ws);

#ifdef __cplusplus
}
#endif

#endif
