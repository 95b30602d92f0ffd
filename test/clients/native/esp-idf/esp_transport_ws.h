/* The part of ESP-IDF's WebSocket transport that text frames need, for tests on a host. */
#pragma once

#include <stdbool.h>

#include "esp_transport.h"

typedef enum {
    WS_TRANSPORT_OPCODES_CONT = 0x00,
    WS_TRANSPORT_OPCODES_TEXT = 0x01,
    WS_TRANSPORT_OPCODES_FIN = 0x80,
} ws_transport_opcodes_t;

esp_transport_handle_t esp_transport_ws_init(esp_transport_handle_t parent);
void esp_transport_ws_set_path(esp_transport_handle_t t, const char *path);
esp_err_t esp_transport_ws_set_subprotocol(esp_transport_handle_t t, const char *subprotocol);
esp_err_t esp_transport_ws_set_headers(esp_transport_handle_t t, const char *headers);
int esp_transport_ws_send_raw(esp_transport_handle_t t, ws_transport_opcodes_t opcode, const char *b, int len,
                              int timeout_ms);
bool esp_transport_ws_get_fin_flag(esp_transport_handle_t t);
ws_transport_opcodes_t esp_transport_ws_get_read_opcode(esp_transport_handle_t t);
int esp_transport_ws_get_read_payload_len(esp_transport_handle_t t);
