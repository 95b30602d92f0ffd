/* A transport for esp-mqtt: MQTT in the text frames of cirrus-mqtt, over the WebSocket transport of ESP-IDF. */
#pragma once

#include <stddef.h>

#include "esp_transport.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    /* Path of the gateway, optionally with a query; "/mqtt" if NULL. */
    const char *path;
    /* More headers for the handshake, each ending with "\r\n": "Authorization: Bearer ...\r\n"; none if NULL. */
    const char *headers;
    /*
     * Maximum bytes of MQTT in a frame, 5 to 24,564; 2,048 if 0. A larger packet is sent in slices of this size, and
     * each is billed. The transport takes 7/3 of it, and about 800 bytes, from the heap.
     */
    size_t frame_bytes;
} cirrus_transport_config_t;

/*
 * Creates the transport over a byte transport, esp_transport_ssl_init() for wss. The strings of the configuration
 * are copied. esp_transport_destroy, which esp_mqtt_client_destroy calls, destroys it, but not the one below.
 *
 * Returns NULL if there is no memory or frame_bytes is out of range, and logs the reason.
 */
esp_transport_handle_t cirrus_transport_init(esp_transport_handle_t below, const cirrus_transport_config_t *config);

#ifdef __cplusplus
}
#endif
