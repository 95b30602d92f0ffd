/*
 * Plays test vectors: commands on stdin, results on stdout, one to a line. Texts and bytes are hexadecimal.
 *
 *   begin SIZE        a writer whose frames hold so many raw bytes
 *   write BYTES       flush
 *   read CHUNK TEXT   a frame of the server, in pieces of CHUNK characters
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cirrus_wire.h"

static uint8_t *raw;
static char *text;

static size_t bytes_of(const char *hex, uint8_t *bytes) {
    const size_t length = strlen(hex) / 2;
    for (size_t i = 0; i < length; i++) {
        const char digits[] = {hex[2 * i], hex[2 * i + 1], 0};
        bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return length;
}

static void say_failure(cirrus_result result) {
    if (result != CIRRUS_OK) printf("error %s\n", cirrus_describe(result));
}

static bool print_frame(void *context, char *frame, size_t characters) {
    (void)context;
    printf("frame %.*s\n", (int)characters, frame);
    memset(frame, 0, characters); /* as masking in place would */
    return true;
}

static void begin(cirrus_writer *writer, size_t size) {
    free(raw);
    free(text);
    raw = malloc(size); /* exactly as large as they have to be, for the sanitizer to watch */
    text = malloc(CIRRUS_TEXT_SIZE(size));
    if (!cirrus_writer_begin(writer, raw, size, text, print_frame, NULL)) printf("error no such size\n");
}

static void write_hex(cirrus_writer *writer, const char *hex) {
    uint8_t *bytes = malloc(strlen(hex) + 1);
    say_failure(cirrus_writer_write(writer, bytes, bytes_of(hex, bytes)));
    free(bytes);
}

static void read_hex(size_t chunk, const char *hex) {
    char *frame = malloc(strlen(hex) + 1);
    uint8_t *bytes = malloc(CIRRUS_DECODED_SIZE(chunk));
    const size_t characters = bytes_of(hex, (uint8_t *)frame);
    cirrus_reader reader;
    cirrus_result result = CIRRUS_OK;
    cirrus_reader_begin(&reader);
    printf("bytes ");
    for (size_t at = 0, length; at < characters && result == CIRRUS_OK; at += chunk) {
        const size_t piece = characters - at < chunk ? characters - at : chunk;
        result = cirrus_reader_read(&reader, frame + at, piece, bytes, &length);
        for (size_t i = 0; i < length; i++) printf("%02x", bytes[i]);
    }
    printf("\n");
    say_failure(cirrus_reader_end(&reader));
    free(bytes);
    free(frame);
}

int main(void) {
    cirrus_writer writer;
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0) {
        line[strcspn(line, "\n")] = 0;
        if (strncmp(line, "begin ", 6) == 0) begin(&writer, strtoul(line + 6, NULL, 10));
        else if (strncmp(line, "write ", 6) == 0) write_hex(&writer, line + 6);
        else if (strcmp(line, "flush") == 0) say_failure(cirrus_writer_flush(&writer));
        else if (strncmp(line, "read ", 5) == 0) {
            char *hex;
            const size_t chunk = strtoul(line + 5, &hex, 10);
            read_hex(chunk, hex + 1);
        } else return 1;
    }
    free(line);
    free(raw);
    free(text);
    return 0;
}
