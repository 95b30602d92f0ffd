/* ESP-IDF's transports as a transport of ours meets them, on POSIX sockets. */
#include "esp_transport.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "esp_transport_ws.h"
#include "posix_websocket.h"

struct esp_transport_item_t {
    connect_func connect;
    io_read_func read;
    io_func write;
    trans_func close;
    poll_func poll_read;
    poll_func poll_write;
    trans_func destroy;
    void *context;
};

typedef struct {
    posix_websocket socket;
    char *path;
    char *headers;
} websocket;

esp_transport_handle_t esp_transport_init(void) { return calloc(1, sizeof(struct esp_transport_item_t)); }

esp_err_t esp_transport_destroy(esp_transport_handle_t t) {
    if (t->destroy) t->destroy(t);
    free(t);
    return ESP_OK;
}

esp_err_t esp_transport_set_default_port(esp_transport_handle_t t, int port) {
    (void)t;
    return port > 0 ? ESP_OK : ESP_FAIL;
}

esp_err_t esp_transport_set_func(esp_transport_handle_t t, connect_func connect, io_read_func read, io_func write,
                                 trans_func close, poll_func poll_read, poll_func poll_write, trans_func destroy) {
    const struct esp_transport_item_t item = {connect,   read,       write,   close,
                                              poll_read, poll_write, destroy, t->context};
    *t = item;
    return ESP_OK;
}

void *esp_transport_get_context_data(esp_transport_handle_t t) { return t->context; }

esp_err_t esp_transport_set_context_data(esp_transport_handle_t t, void *data) {
    t->context = data;
    return ESP_OK;
}

int esp_transport_connect(esp_transport_handle_t t, const char *host, int port, int timeout_ms) {
    return t->connect(t, host, port, timeout_ms);
}

int esp_transport_read(esp_transport_handle_t t, char *buffer, int len, int timeout_ms) {
    return t->read(t, buffer, len, timeout_ms);
}

int esp_transport_write(esp_transport_handle_t t, const char *buffer, int len, int timeout_ms) {
    return t->write(t, buffer, len, timeout_ms);
}

int esp_transport_poll_read(esp_transport_handle_t t, int timeout_ms) { return t->poll_read(t, timeout_ms); }

int esp_transport_poll_write(esp_transport_handle_t t, int timeout_ms) { return t->poll_write(t, timeout_ms); }

int esp_transport_close(esp_transport_handle_t t) { return t->close(t); }

static int ws_connect(esp_transport_handle_t t, const char *host, int port, int timeout_ms) {
    websocket *ws = t->context;
    (void)timeout_ms;
    return posix_websocket_open(&ws->socket, host, port, ws->path, ws->headers ? ws->headers : "") ? 0 : -1;
}

static int ws_read(esp_transport_handle_t t, char *buffer, int len, int timeout_ms) {
    websocket *ws = t->context;
    if (!posix_websocket_readable(&ws->socket, timeout_ms)) return 0;
    return posix_websocket_read(&ws->socket, buffer, (size_t)len);
}

/* ESP-IDF writes binary frames here: a transport that came to this would be refused by the gateway. */
static int ws_write(esp_transport_handle_t t, const char *buffer, int len, int timeout_ms) {
    (void)t, (void)buffer, (void)len, (void)timeout_ms;
    assert(!"a binary frame");
    return -1;
}

static int ws_poll_read(esp_transport_handle_t t, int timeout_ms) {
    const websocket *ws = t->context;
    return posix_websocket_readable(&ws->socket, timeout_ms);
}

static int ws_poll_write(esp_transport_handle_t t, int timeout_ms) {
    (void)t, (void)timeout_ms;
    return 1;
}

static int ws_close(esp_transport_handle_t t) {
    websocket *ws = t->context;
    posix_websocket_close(&ws->socket);
    return 0;
}

static int ws_destroy(esp_transport_handle_t t) {
    websocket *ws = t->context;
    posix_websocket_close(&ws->socket);
    free(ws->path);
    free(ws->headers);
    free(ws);
    return 0;
}

esp_transport_handle_t esp_transport_ws_init(esp_transport_handle_t parent) {
    esp_transport_handle_t t = esp_transport_init();
    websocket *ws = calloc(1, sizeof *ws);
    assert(parent && t && ws);
    ws->socket.fd = -1;
    esp_transport_set_context_data(t, ws);
    esp_transport_set_func(t, ws_connect, ws_read, ws_write, ws_close, ws_poll_read, ws_poll_write, ws_destroy);
    return t;
}

void esp_transport_ws_set_path(esp_transport_handle_t t, const char *path) {
    websocket *ws = t->context;
    ws->path = strdup(path);
}

esp_err_t esp_transport_ws_set_subprotocol(esp_transport_handle_t t, const char *subprotocol) {
    (void)t;
    return strcmp(subprotocol, "mqtt") == 0 ? ESP_OK : ESP_FAIL;
}

esp_err_t esp_transport_ws_set_headers(esp_transport_handle_t t, const char *headers) {
    websocket *ws = t->context;
    ws->headers = strdup(headers);
    return ESP_OK;
}

int esp_transport_ws_send_raw(esp_transport_handle_t t, ws_transport_opcodes_t opcode, const char *b, int len,
                              int timeout_ms) {
    websocket *ws = t->context;
    (void)timeout_ms;
    assert((int)opcode == (WS_TRANSPORT_OPCODES_TEXT | WS_TRANSPORT_OPCODES_FIN));
    /* ESP-IDF masks in place, too. */
    return posix_websocket_send(&ws->socket, OPCODE_TEXT, (char *)b, (size_t)len) ? len : -1;
}

bool esp_transport_ws_get_fin_flag(esp_transport_handle_t t) {
    const websocket *ws = t->context;
    return ws->socket.fin;
}

ws_transport_opcodes_t esp_transport_ws_get_read_opcode(esp_transport_handle_t t) {
    const websocket *ws = t->context;
    return (ws_transport_opcodes_t)ws->socket.opcode;
}

int esp_transport_ws_get_read_payload_len(esp_transport_handle_t t) {
    const websocket *ws = t->context;
    return ws->socket.length;
}
