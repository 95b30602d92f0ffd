#include "posix_websocket.h"

#include <netdb.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool send_all(int fd, const void *bytes, size_t length) {
    const char *at = bytes;
    while (length > 0) {
        const ssize_t sent = send(fd, at, length, MSG_NOSIGNAL);
        if (sent <= 0) return false;
        at += sent;
        length -= (size_t)sent;
    }
    return true;
}

static bool receive_all(int fd, void *bytes, size_t length) {
    char *at = bytes;
    while (length > 0) {
        const ssize_t received = recv(fd, at, length, 0);
        if (received <= 0) return false;
        at += received;
        length -= (size_t)received;
    }
    return true;
}

static int connected_socket(const char *host, int port) {
    char service[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    snprintf(service, sizeof service, "%d", port);
    if (getaddrinfo(host, service, &hints, &found) != 0) return -1;
    int fd = socket(found->ai_family, SOCK_STREAM, 0);
    if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
        close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

static bool shake_hands(int fd, const char *host, int port, const char *path, const char *headers) {
    char text[4096];
    const int length = snprintf(text, sizeof text,
                                "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                                "Sec-WebSocket-Protocol: mqtt\r\n%s\r\n",
                                path, host, port, headers);
    if (length >= (int)sizeof text || !send_all(fd, text, (size_t)length)) return false;
    size_t filled = 0;
    do {
        if (filled == sizeof text - 1 || !receive_all(fd, text + filled, 1)) return false;
        text[++filled] = 0;
    } while (!strstr(text, "\r\n\r\n"));
    return strncmp(text, "HTTP/1.1 101 ", 13) == 0;
}

bool posix_websocket_open(posix_websocket *ws, const char *host, int port, const char *path, const char *headers) {
    const posix_websocket fresh = {.fd = connected_socket(host, port)};
    *ws = fresh;
    if (ws->fd >= 0 && shake_hands(ws->fd, host, port, path, headers)) return true;
    posix_websocket_close(ws);
    return false;
}

bool posix_websocket_send(posix_websocket *ws, int opcode, char *payload, size_t length) {
    uint8_t header[8] = {(uint8_t)(0x80 | opcode)};
    size_t size = 2;
    if (length < 126) {
        header[1] = (uint8_t)(0x80 | length);
    } else {
        header[1] = 0x80 | 126;
        header[size++] = (uint8_t)(length >> 8);
        header[size++] = (uint8_t)length;
    }
    uint8_t *mask = header + size;
    for (int i = 0; i < 4; i++) mask[i] = (uint8_t)rand();
    for (size_t i = 0; i < length; i++) payload[i] = (char)(payload[i] ^ mask[i % 4]);
    return length < 65536 && send_all(ws->fd, header, size + 4) && send_all(ws->fd, payload, length);
}

static bool read_header(posix_websocket *ws) {
    uint8_t header[2];
    uint8_t extended[8];
    if (!receive_all(ws->fd, header, sizeof header)) return false;
    ws->opcode = header[0] & 0x0f;
    ws->fin = header[0] >= 0x80;
    ws->length = header[1];
    const size_t size = header[1] == 126 ? 2 : header[1] == 127 ? 8 : 0;
    if (!receive_all(ws->fd, extended, size)) return false;
    if (size > 0) ws->length = 0;
    for (size_t i = 0; i < size; i++) ws->length = ws->length << 8 | extended[i];
    ws->left = ws->length;
    return true;
}

static bool handle_control(posix_websocket *ws) {
    char payload[125];
    const size_t length = (size_t)ws->length;
    ws->left = 0;
    if (length > sizeof payload || !receive_all(ws->fd, payload, length)) return false;
    if (ws->opcode == OPCODE_PING) return posix_websocket_send(ws, OPCODE_PONG, payload, length);
    return ws->opcode == OPCODE_PONG;
}

int posix_websocket_read(posix_websocket *ws, char *buffer, size_t size) {
    if (ws->fd < 0) return -1;
    if (ws->left == 0 && !read_header(ws)) return -1;
    if (ws->opcode >= OPCODE_CLOSE) return handle_control(ws) ? 0 : -1;
    const ssize_t received = recv(ws->fd, buffer, size < (size_t)ws->left ? size : (size_t)ws->left, 0);
    if (received <= 0) return -1;
    ws->left -= (int)received;
    return (int)received;
}

bool posix_websocket_readable(const posix_websocket *ws, int timeout_ms) {
    struct pollfd wanted = {.fd = ws->fd, .events = POLLIN};
    return ws->fd >= 0 && poll(&wanted, 1, timeout_ms) > 0;
}

void posix_websocket_close(posix_websocket *ws) {
    if (ws->fd >= 0) close(ws->fd);
    ws->fd = -1;
}
