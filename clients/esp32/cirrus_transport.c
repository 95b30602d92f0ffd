#include "cirrus_transport.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cirrus_wire.h"
#include "esp_log.h"
#include "esp_transport_ws.h"

#define DEFAULT_FRAME_BYTES 2048
#define WSS_PORT 443

/* Characters that are read at a time: 192 bytes of MQTT. */
#define PIECE_CHARACTERS 256

static const char *TAG = "cirrus";

typedef struct {
    esp_transport_handle_t websocket;
    cirrus_writer writer;
    uint8_t *raw;
    char *text;
    size_t frame_bytes;
    int write_timeout_ms;
    cirrus_reader reader;
    bool in_message; /* a message of the broker has begun, possibly fragmented */
    int frame_left;  /* unread characters of the WebSocket's frame */
    uint8_t decoded[CIRRUS_DECODED_SIZE(PIECE_CHARACTERS)];
    size_t decoded_length;
    size_t decoded_at;
} cirrus_transport;

static bool send_frame(void *context, char *frame, size_t characters) {
    const cirrus_transport *cirrus = context;
    const ws_transport_opcodes_t whole_text =
        (ws_transport_opcodes_t)(WS_TRANSPORT_OPCODES_TEXT | WS_TRANSPORT_OPCODES_FIN);
    const int length = (int)characters;
    return esp_transport_ws_send_raw(cirrus->websocket, whole_text, frame, length, cirrus->write_timeout_ms) == length;
}

static int cirrus_connect(esp_transport_handle_t t, const char *host, int port, int timeout_ms) {
    cirrus_transport *cirrus = esp_transport_get_context_data(t);
    cirrus_writer_begin(&cirrus->writer, cirrus->raw, cirrus->frame_bytes, cirrus->text, send_frame, cirrus);
    cirrus->in_message = false;
    cirrus->frame_left = 0;
    cirrus->decoded_length = 0;
    cirrus->decoded_at = 0;
    return esp_transport_connect(cirrus->websocket, host, port, timeout_ms);
}

static int cirrus_write(esp_transport_handle_t t, const char *buffer, int len, int timeout_ms) {
    cirrus_transport *cirrus = esp_transport_get_context_data(t);
    cirrus->write_timeout_ms = timeout_ms;
    cirrus_result result = cirrus_writer_write(&cirrus->writer, (const uint8_t *)buffer, (size_t)len);
    if (result == CIRRUS_OK) result = cirrus_writer_flush(&cirrus->writer);
    if (result == CIRRUS_OK) return len;
    ESP_LOGE(TAG, "%s", cirrus_describe(result));
    return -1;
}

/* Checks whether a frame of the WebSocket may start here. */
static bool begin_frame(cirrus_transport *cirrus) {
    const ws_transport_opcodes_t opcode = esp_transport_ws_get_read_opcode(cirrus->websocket);
    if (opcode != (cirrus->in_message ? WS_TRANSPORT_OPCODES_CONT : WS_TRANSPORT_OPCODES_TEXT)) {
        ESP_LOGE(TAG, "unexpected WebSocket frame with opcode %d from the gateway", (int)opcode);
        return false;
    }
    if (!cirrus->in_message) cirrus_reader_begin(&cirrus->reader);
    cirrus->in_message = true;
    cirrus->frame_left = esp_transport_ws_get_read_payload_len(cirrus->websocket);
    return true;
}

static cirrus_result decode_piece(cirrus_transport *cirrus, const char *piece, int characters) {
    cirrus->decoded_at = 0;
    const cirrus_result result =
        cirrus_reader_read(&cirrus->reader, piece, (size_t)characters, cirrus->decoded, &cirrus->decoded_length);
    cirrus->frame_left -= characters;
    if (cirrus->frame_left > 0 || !esp_transport_ws_get_fin_flag(cirrus->websocket)) return result;
    cirrus->in_message = false;
    return cirrus_reader_end(&cirrus->reader);
}

/* Reads and decodes a piece; returns above 0 on success, 0 after the timeout. */
static int read_piece(cirrus_transport *cirrus, int timeout_ms) {
    char piece[PIECE_CHARACTERS];
    const int characters = esp_transport_read(cirrus->websocket, piece, sizeof piece, timeout_ms);
    if (characters <= 0) return characters;
    if (cirrus->frame_left == 0 && !begin_frame(cirrus)) return -1;
    const cirrus_result result = decode_piece(cirrus, piece, characters);
    if (result == CIRRUS_OK) return characters;
    ESP_LOGE(TAG, "%s: %.*s", cirrus_describe(result), result == CIRRUS_GATEWAY_ERROR ? characters : 0, piece);
    return -1;
}

static int cirrus_read(esp_transport_handle_t t, char *buffer, int len, int timeout_ms) {
    cirrus_transport *cirrus = esp_transport_get_context_data(t);
    /* Fewer than four characters may not complete a byte. */
    while (cirrus->decoded_at == cirrus->decoded_length) {
        const int result = read_piece(cirrus, timeout_ms);
        if (result <= 0) return result;
    }
    size_t length = cirrus->decoded_length - cirrus->decoded_at;
    if (length > (size_t)len) length = (size_t)len;
    memcpy(buffer, cirrus->decoded + cirrus->decoded_at, length);
    cirrus->decoded_at += length;
    return (int)length;
}

static int cirrus_poll_read(esp_transport_handle_t t, int timeout_ms) {
    const cirrus_transport *cirrus = esp_transport_get_context_data(t);
    if (cirrus->decoded_at < cirrus->decoded_length) return 1;
    return esp_transport_poll_read(cirrus->websocket, timeout_ms);
}

static int cirrus_poll_write(esp_transport_handle_t t, int timeout_ms) {
    const cirrus_transport *cirrus = esp_transport_get_context_data(t);
    return esp_transport_poll_write(cirrus->websocket, timeout_ms);
}

static int cirrus_close(esp_transport_handle_t t) {
    const cirrus_transport *cirrus = esp_transport_get_context_data(t);
    return esp_transport_close(cirrus->websocket);
}

static void release(cirrus_transport *cirrus) {
    if (cirrus->websocket) esp_transport_destroy(cirrus->websocket);
    free(cirrus->raw);
    free(cirrus->text);
    free(cirrus);
}

static int cirrus_destroy(esp_transport_handle_t t) {
    release(esp_transport_get_context_data(t));
    return 0;
}

static esp_err_t configure_websocket(esp_transport_handle_t websocket, const cirrus_transport_config_t *config) {
    esp_transport_ws_set_path(websocket, config->path ? config->path : "/mqtt");
    const esp_err_t result = esp_transport_ws_set_subprotocol(websocket, "mqtt");
    if (result != ESP_OK || !config->headers) return result;
    return esp_transport_ws_set_headers(websocket, config->headers);
}

static cirrus_transport *allocate(esp_transport_handle_t below, const cirrus_transport_config_t *config) {
    cirrus_transport *cirrus = calloc(1, sizeof *cirrus);
    if (!cirrus) return NULL;
    cirrus->frame_bytes = config->frame_bytes ? config->frame_bytes : DEFAULT_FRAME_BYTES;
    cirrus->raw = malloc(cirrus->frame_bytes);
    cirrus->text = malloc(CIRRUS_TEXT_SIZE(cirrus->frame_bytes));
    cirrus->websocket = esp_transport_ws_init(below);
    if (cirrus->raw && cirrus->text && cirrus->websocket && configure_websocket(cirrus->websocket, config) == ESP_OK)
        return cirrus;
    release(cirrus);
    return NULL;
}

esp_transport_handle_t cirrus_transport_init(esp_transport_handle_t below, const cirrus_transport_config_t *config) {
    if (config->frame_bytes != 0 && (config->frame_bytes < 5 || config->frame_bytes > CIRRUS_MAX_FRAME_BYTES)) {
        ESP_LOGE(TAG, "frame_bytes is %u, but has to be from 5 to %u", (unsigned)config->frame_bytes,
                 (unsigned)CIRRUS_MAX_FRAME_BYTES);
        return NULL;
    }
    esp_transport_handle_t t = esp_transport_init();
    cirrus_transport *cirrus = t ? allocate(below, config) : NULL;
    if (!cirrus) {
        ESP_LOGE(TAG, "no memory for the transport");
        if (t) esp_transport_destroy(t);
        return NULL;
    }
    esp_transport_set_context_data(t, cirrus);
    esp_transport_set_default_port(t, WSS_PORT);
    esp_transport_set_func(t, cirrus_connect, cirrus_read, cirrus_write, cirrus_close, cirrus_poll_read,
                           cirrus_poll_write, cirrus_destroy);
    return t;
}
