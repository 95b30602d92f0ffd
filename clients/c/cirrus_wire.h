/*
 * The wire format of cirrus-mqtt, version 1: MQTT packets as base64 in text frames.
 *
 * Freestanding C99: no allocation, no input or output, no libc. Specification: docs/wire-format.md. Tests:
 * docs/wire-vectors.json.
 */
#ifndef CIRRUS_WIRE_H
#define CIRRUS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Maximum raw bytes in a frame: their base64 and a number of 15 digits fill the 32,768 characters of a frame. */
#define CIRRUS_MAX_FRAME_BYTES 24564u

/* Maximum Packet Size of the broker in bytes, fixed header included. */
#define CIRRUS_MAX_PACKET_BYTES 97280u

/* Maximum characters of a frame with this number of raw bytes: up to 10 digits, the dot, base64. */
#define CIRRUS_TEXT_SIZE(raw_bytes) (11u + ((raw_bytes) + 2u) / 3u * 4u)

/* Maximum bytes that this number of characters decodes to, together with up to 3 earlier characters. */
#define CIRRUS_DECODED_SIZE(characters) (((characters) + 3u) / 4u * 3u)

typedef enum {
    CIRRUS_OK = 0,
    /* Client to server. The stream is broken: end the connection. */
    CIRRUS_MALFORMED_LENGTH, /* remaining length of more than four bytes */
    CIRRUS_PACKET_TOO_LARGE, /* a packet of more than CIRRUS_MAX_PACKET_BYTES */
    CIRRUS_NOT_SENT,         /* the send function failed, or failed before */
    CIRRUS_TOO_MANY_FRAMES,  /* more than 4,294,967,295 frames on one connection */
    /* Server to client. End the connection. */
    CIRRUS_NOT_BASE64,   /* an empty frame, a foreign character, wrong padding, unused bits that are not zero */
    CIRRUS_GATEWAY_ERROR /* API Gateway responded in place of the broker: the frame is its JSON */
} cirrus_result;

/* Describes a result in English. */
const char *cirrus_describe(cirrus_result result);

/*
 * Sends one text frame; it is not terminated by a zero. The function may change the text, as
 * masking in place does. Returns true if it was sent.
 */
typedef bool (*cirrus_send)(void *context, char *frame, size_t characters);

/* Turns MQTT bytes in any chunking into numbered text frames. Its fields are private. */
typedef struct {
    cirrus_send send;
    void *context;
    uint8_t *raw;
    char *text;
    size_t raw_size;
    size_t filled;  /* bytes in raw */
    size_t whole;   /* bytes of whole packets at the front of raw, for the next frame */
    uint32_t frames;
    uint32_t missing; /* missing bytes of the current packet */
    uint32_t packet;  /* its length as far as known; 0 between packets */
    uint8_t header;   /* bytes of its fixed header */
    bool slicing;     /* it is larger than raw, and is sent in slices */
    bool skipping;    /* it is discarded */
    cirrus_result failure;
} cirrus_writer;

/*
 * Starts a connection; its frames are numbered from 1.
 *
 * raw buffers packets and text buffers a frame: raw_size bytes, 5 to CIRRUS_MAX_FRAME_BYTES, and
 * CIRRUS_TEXT_SIZE(raw_size) characters. A packet larger than raw_size is sent in slices of raw_size bytes, each of
 * which is billed as a frame. Returns false for another raw_size.
 */
bool cirrus_writer_begin(cirrus_writer *writer, uint8_t *raw, size_t raw_size, char *text, cirrus_send send,
                         void *context);

/*
 * Takes bytes; full frames are sent at once, whole packets by the flush. A PUBLISH at QoS 1 or 2 that is too large
 * fails once: resent with DUP, as libraries do after each reconnect, it is discarded, and the connection stays. After
 * a result other than CIRRUS_OK every further call returns the same, until cirrus_writer_begin.
 */
cirrus_result cirrus_writer_write(cirrus_writer *writer, const uint8_t *bytes, size_t length);

/* Ends a turn: sends the whole packets in a frame. An incomplete packet stays. */
cirrus_result cirrus_writer_flush(cirrus_writer *writer);

/* Turns the text frames of the server, in any chunking, into MQTT bytes. Its fields are private. */
typedef struct {
    uint32_t bits;    /* of the current group of four characters */
    uint8_t count;    /* its characters */
    uint8_t padding;  /* its padding signs */
    bool begun;
    cirrus_result failure;
} cirrus_reader;

/* Starts a frame. */
void cirrus_reader_begin(cirrus_reader *reader);

/*
 * Decodes characters of a frame into bytes, of size CIRRUS_DECODED_SIZE(characters), and stores their number
 * in length. The decoded bytes may be used before the end of the frame.
 */
cirrus_result cirrus_reader_read(cirrus_reader *reader, const char *text, size_t characters, uint8_t *bytes,
                                 size_t *length);

/* Ends a frame; the result tells whether it was complete. */
cirrus_result cirrus_reader_end(const cirrus_reader *reader);

#ifdef __cplusplus
}
#endif

#endif
