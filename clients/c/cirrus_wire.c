#include "cirrus_wire.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const char *cirrus_describe(cirrus_result result) {
    switch (result) {
        case CIRRUS_OK: return "no error";
        case CIRRUS_MALFORMED_LENGTH: return "malformed remaining length: more than 4 bytes";
        case CIRRUS_PACKET_TOO_LARGE: return "a packet is over the limit of 97280 bytes";
        case CIRRUS_NOT_SENT: return "a frame was not sent";
        case CIRRUS_TOO_MANY_FRAMES: return "the connection has used up its frame numbers";
        case CIRRUS_NOT_BASE64: return "frame is not base64";
        case CIRRUS_GATEWAY_ERROR: return "the gateway reports a failure";
    }
    return "no such result";
}

bool cirrus_writer_begin(cirrus_writer *writer, uint8_t *raw, size_t raw_size, char *text, cirrus_send send,
                         void *context) {
    const cirrus_writer fresh = {.send = send, .context = context, .raw = raw, .text = text, .raw_size = raw_size};
    *writer = fresh;
    /* A fixed header has to fit: only after it is known whether the packet needs slices. */
    return raw_size >= 5 && raw_size <= CIRRUS_MAX_FRAME_BYTES;
}

static size_t put_number(char *text, uint32_t number) {
    char digits[10];
    size_t count = 0;
    size_t at = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (count > 0) text[at++] = digits[--count];
    return at;
}

static size_t put_base64(char *text, const uint8_t *raw, size_t length) {
    size_t at = 0;
    for (size_t i = 0; i < length; i += 3) {
        const size_t left = length - i;
        const uint32_t bits =
            (uint32_t)raw[i] << 16 | (left > 1 ? (uint32_t)raw[i + 1] << 8 : 0) | (left > 2 ? raw[i + 2] : 0);
        text[at++] = alphabet[bits >> 18];
        text[at++] = alphabet[bits >> 12 & 63];
        text[at++] = left > 1 ? alphabet[bits >> 6 & 63] : '=';
        text[at++] = left > 2 ? alphabet[bits & 63] : '=';
    }
    return at;
}

/* Sends the first bytes of raw, and moves the rest to the front. */
static void send_frame(cirrus_writer *writer, size_t length) {
    if (writer->frames == UINT32_MAX) {
        writer->failure = CIRRUS_TOO_MANY_FRAMES;
        return;
    }
    size_t at = put_number(writer->text, ++writer->frames);
    writer->text[at++] = '.';
    at += put_base64(writer->text + at, writer->raw, length);
    if (!writer->send(writer->context, writer->text, at)) writer->failure = CIRRUS_NOT_SENT;
    writer->filled -= length;
    for (size_t i = 0; i < writer->filled; i++) writer->raw[i] = writer->raw[i + length];
}

cirrus_result cirrus_writer_flush(cirrus_writer *writer) {
    const size_t length = writer->whole;
    if (length == 0 || writer->failure != CIRRUS_OK) return writer->failure;
    writer->whole = 0;
    send_frame(writer, length);
    return writer->failure;
}

static void end_packet(cirrus_writer *writer) {
    if (writer->slicing) {
        if (writer->filled > 0) send_frame(writer, writer->filled);
    } else if (!writer->skipping) {
        writer->whole = writer->filled;
    }
    writer->slicing = false;
    writer->skipping = false;
    writer->header = 0;
    writer->packet = 0;
}

/* Refuses a packet, or discards a repeated PUBLISH, which was refused before. */
static void refuse(cirrus_writer *writer, bool is_repeated) {
    if (!is_repeated) {
        writer->failure = CIRRUS_PACKET_TOO_LARGE;
        return;
    }
    writer->filled -= writer->header;
    writer->skipping = true;
}

static void end_header(cirrus_writer *writer) {
    const uint8_t first = writer->raw[writer->filled - writer->header];
    const bool is_acknowledged = first >> 4 == 3 && (first & 0x06) != 0; /* PUBLISH at QoS 1 or 2 */
    writer->missing = writer->packet;
    writer->packet += writer->header;
    if (writer->packet > CIRRUS_MAX_PACKET_BYTES) {
        refuse(writer, is_acknowledged && (first & 0x08) != 0);
        return;
    }
    if (writer->whole + writer->packet > writer->raw_size) cirrus_writer_flush(writer);
    writer->slicing = writer->packet > writer->raw_size;
    if (writer->missing == 0) end_packet(writer);
}

static void take_header(cirrus_writer *writer, uint8_t byte) {
    /* A header after whole packets must not overflow raw before the size of its packet is known. */
    if (writer->filled == writer->raw_size) cirrus_writer_flush(writer);
    if (writer->failure != CIRRUS_OK) return;
    writer->raw[writer->filled++] = byte;
    if (++writer->header == 1) return;
    writer->packet += (uint32_t)(byte & 0x7f) << 7 * (writer->header - 2);
    if (byte < 0x80) {
        end_header(writer);
    } else if (writer->header == 5) {
        writer->failure = CIRRUS_MALFORMED_LENGTH;
    }
}

/* Takes as many bytes as fit; returns their number. */
static size_t take_body(cirrus_writer *writer, const uint8_t *bytes, size_t length) {
    const size_t room = writer->raw_size - writer->filled;
    size_t taken = length < writer->missing ? length : writer->missing;
    if (taken > room && !writer->skipping) taken = room;
    for (size_t i = 0; i < taken && !writer->skipping; i++) writer->raw[writer->filled++] = bytes[i];
    writer->missing -= (uint32_t)taken;
    if (writer->slicing && writer->filled == writer->raw_size) send_frame(writer, writer->filled);
    if (writer->missing == 0 && writer->failure == CIRRUS_OK) end_packet(writer);
    return taken;
}

cirrus_result cirrus_writer_write(cirrus_writer *writer, const uint8_t *bytes, size_t length) {
    for (size_t at = 0; at < length && writer->failure == CIRRUS_OK;) {
        if (writer->missing > 0) {
            at += take_body(writer, bytes + at, length - at);
        } else {
            take_header(writer, bytes[at++]);
        }
    }
    return writer->failure;
}

void cirrus_reader_begin(cirrus_reader *reader) {
    const cirrus_reader fresh = {0};
    *reader = fresh;
}

/* The six bits of a letter, or 64. */
static uint32_t value_of(char letter) {
    if (letter >= 'A' && letter <= 'Z') return (uint32_t)(letter - 'A');
    if (letter >= 'a' && letter <= 'z') return (uint32_t)(letter - 'a') + 26;
    if (letter >= '0' && letter <= '9') return (uint32_t)(letter - '0') + 52;
    if (letter == '+') return 62;
    return letter == '/' ? 63 : 64;
}

/* Takes a character; returns false if it cannot continue base64. */
static bool take_character(cirrus_reader *reader, char character) {
    if (character == '=') {
        if (reader->count < 2) return false;
        reader->padding++;
        reader->bits <<= 6;
    } else {
        const uint32_t value = value_of(character);
        if (value == 64 || reader->padding > 0) return false;
        reader->bits = reader->bits << 6 | value;
    }
    reader->count++;
    return true;
}

/* The bytes of four characters; their number, or 0 if unused bits are not zero. */
static size_t put_group(cirrus_reader *reader, uint8_t *bytes) {
    const size_t length = 3u - reader->padding;
    const uint32_t unused = reader->bits & ((UINT32_C(1) << 8 * reader->padding) - 1);
    for (size_t i = 0; i < length; i++) bytes[i] = (uint8_t)(reader->bits >> (16 - 8 * i));
    reader->bits = 0;
    reader->count = 0;
    return unused == 0 ? length : 0;
}

cirrus_result cirrus_reader_read(cirrus_reader *reader, const char *text, size_t characters, uint8_t *bytes,
                                 size_t *length) {
    *length = 0;
    for (size_t i = 0; i < characters && reader->failure == CIRRUS_OK; i++) {
        if (!reader->begun && text[i] == '{') reader->failure = CIRRUS_GATEWAY_ERROR;
        /* Padding ends the frame: no group may follow it. */
        else if ((reader->padding > 0 && reader->count == 0) || !take_character(reader, text[i]))
            reader->failure = CIRRUS_NOT_BASE64;
        reader->begun = true;
        if (reader->failure != CIRRUS_OK || reader->count < 4) continue;
        const size_t put = put_group(reader, bytes + *length);
        if (put == 0) reader->failure = CIRRUS_NOT_BASE64;
        *length += put;
    }
    return reader->failure;
}

cirrus_result cirrus_reader_end(const cirrus_reader *reader) {
    if (reader->failure != CIRRUS_OK) return reader->failure;
    return reader->begun && reader->count == 0 ? CIRRUS_OK : CIRRUS_NOT_BASE64;
}
