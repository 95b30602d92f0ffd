/* MQTT bytes from stdin through the transport, and back to stdout: HOST PORT FRAME_BYTES. */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cirrus_transport.h"

/* Reads as esp-mqtt does: after a poll, until there is nothing more. False when the connection is over. */
static bool from_transport(esp_transport_handle_t t) {
    char bytes[100];
    while (esp_transport_poll_read(t, 0) > 0) {
        const int length = esp_transport_read(t, bytes, sizeof bytes, 1000);
        if (length < 0) return false;
        if (write(STDOUT_FILENO, bytes, (size_t)length) != length) return false;
    }
    return true;
}

/* False when there is nothing more to come, or the connection is over. */
static bool from_stdin(esp_transport_handle_t t) {
    char bytes[1000];
    struct pollfd wanted = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&wanted, 1, 2) == 0) return true;
    const ssize_t length = read(STDIN_FILENO, bytes, sizeof bytes);
    return length > 0 && esp_transport_write(t, bytes, (int)length, 1000) == length;
}

/* A connection before the one that counts: what it leaves behind, half a packet and a frame number, must not matter. */
static void connect_before(esp_transport_handle_t t, const char *host, int port) {
    static const char ping_and_more[] = "\xc0\x00\x30";
    if (esp_transport_connect(t, host, port, 1000) != 0) return;
    esp_transport_write(t, ping_and_more, 3, 1000);
    esp_transport_close(t);
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    const cirrus_transport_config_t config = {.headers = "X-Test: 1\r\n", .frame_bytes = strtoul(argv[3], NULL, 10)};
    esp_transport_handle_t below = esp_transport_init();
    esp_transport_handle_t t = cirrus_transport_init(below, &config);
    int status = 1;
    if (t) connect_before(t, argv[1], atoi(argv[2]));
    if (t && esp_transport_connect(t, argv[1], atoi(argv[2]), 1000) == 0) {
        while (from_transport(t) && from_stdin(t)) continue;
        esp_transport_close(t);
        status = 0;
    }
    if (t) esp_transport_destroy(t);
    esp_transport_destroy(below);
    return status;
}
