/*
 * The wire format of cirrus-mqtt, version 1: MQTT packets as base64 in text frames.
 *
 * Freestanding C99: no allocation, no input or output, no libc. It is described in docs/wire-format.md and held to
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

/* Raw bytes in a frame, at most: their base64 and a number of 15 digits fill the 32,768 characters of a frame. */
#define CIRRUS_MAX_FRAME_BYTES 24564u

/* The broker's Maximum Packet Size in bytes, fixed header included. */
#define CIRRUS_MAX_PACKET_BYTES 97280u

/* Characters in which a frame of so many raw bytes fits: up to 10 digits, the dot, base64. */
#define CIRRUS_TEXT_SIZE(raw_bytes) (11u + ((raw_bytes) + 2u) / 3u * 4u)

/* Bytes that so many characters from the server can turn into, together with up to 3 that came before them. */
#define CIRRUS_DECODED_SIZE(characters) (((characters) + 3u) / 4u * 3u)

typedef enum {
    CIRRUS_OK = 0,
    /* Client to server. The connection has to end, for the stream is broken. */
    CIRRUS_MALFORMED_LENGTH, /* a remaining length of more than four bytes */
    CIRRUS_PACKET_TOO_LARGE, /* a packet of more than CIRRUS_MAX_PACKET_BYTES */
    CIRRUS_NOT_SENT,         /* the send function failed, or failed before */
    CIRRUS_TOO_MANY_FRAMES,  /* the number of frames is used up: 4,294,967,295 on one connection */
    /* Server to client. The connection has to end. */
    CIRRUS_NOT_BASE64,   /* an empty frame, a foreign character, wrong padding, unused bits that are not zero */
    CIRRUS_GATEWAY_ERROR /* API Gateway answered in place of the broker: the frame is its JSON */
} cirrus_result;

/* A few words on a result, in English. */
const char *cirrus_describe(cirrus_result result);

/*
 * Sends one text frame of so many characters; it is not terminated by a zero. Whoever sends may change the text, as
 * masking in place does. Returns whether it was sent.
 */
typedef bool (*cirrus_send)(void *context, char *frame, size_t characters);

/* Turns MQTT bytes in any chunking into numbered text frames. Its fields are its own. */
typedef struct {
    cirrus_send send;
    void *context;
    uint8_t *raw;
    char *text;
    size_t raw_size;
    size_t filled;  /* bytes in raw */
    size_t whole;   /* of these, at the front, bytes of whole packets for the next frame */
    uint32_t frames;
    uint32_t missing; /* bytes of the packet under way that are still to come */
    uint32_t packet;  /* its length so far known, then its whole length; 0 between packets */
    uint8_t header;   /* bytes of its fixed header */
    bool slicing;     /* it is larger than raw, and leaves in slices */
    bool skipping;    /* it is left out */
    cirrus_result failure;
} cirrus_writer;

/*
 * Begins a connection, whose frames are numbered from 1.
 *
 * raw holds what waits for its frame, and text the frame that leaves: raw_size bytes, 5 to CIRRUS_MAX_FRAME_BYTES, and
 * CIRRUS_TEXT_SIZE(raw_size) characters. A packet larger than raw_size leaves in slices of raw_size bytes, each of
 * which is billed as a frame. Returns false for another raw_size.
 */
bool cirrus_writer_begin(cirrus_writer *writer, uint8_t *raw, size_t raw_size, char *text, cirrus_send send,
                         void *context);

/*
 * Takes bytes; full frames leave at once, and whole packets with the flush. A PUBLISH at QoS 1 or 2 that is too large
 * fails once: sent again with DUP, as libraries do after each reconnect, it is left out, and the connection stays. After
 * any other result than CIRRUS_OK every further call has the same one, until cirrus_writer_begin.
 */
cirrus_result cirrus_writer_write(cirrus_writer *writer, const uint8_t *bytes, size_t length);

/* Ends a turn: the whole packets that were written leave in a frame. A packet still incomplete stays. */
cirrus_result cirrus_writer_flush(cirrus_writer *writer);

/* Turns the text frames of the server, in any chunking, into MQTT bytes. Its fields are its own. */
typedef struct {
    uint32_t bits;    /* of the group of four characters under way */
    uint8_t count;    /* its characters */
    uint8_t padding;  /* its padding signs */
    bool begun;
    cirrus_result failure;
} cirrus_reader;

/* Begins a frame. */
void cirrus_reader_begin(cirrus_reader *reader);

/*
 * Decodes characters of a frame into bytes, which has room for CIRRUS_DECODED_SIZE(characters), and tells their number
 * in length. What was decoded of a frame may be handed on before its end.
 */
cirrus_result cirrus_reader_read(cirrus_reader *reader, const char *text, size_t characters, uint8_t *bytes,
                                 size_t *length);

/* Ends a frame: whether it was whole. */
cirrus_result cirrus_reader_end(const cirrus_reader *reader);

#ifdef __cplusplus
}
#endif

#endif
