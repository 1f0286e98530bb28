/*
 * What goes over the socket for a work: one request with the file's descriptor, then messages until
 * one says that it is the end. As in protocol.h both ends are the same binary, and nothing that
 * the process sends is taken for granted.
 */
#ifndef MEDIA_WORK_PROTOCOL_H
#define MEDIA_WORK_PROTOCOL_H

#include "media/protocol.h"
#include "media/work.h"

#define WORK_REQUEST_MAGIC UINT32_C(0x61744d33)
#define WORK_MESSAGE_MAGIC UINT32_C(0x61744d34)
#define WORK_PAYLOAD_MAX_BYTES 65536
#define WORK_TEXT_MAX_BYTES (1 << 20)
#define WORK_HEAD_MAX_BYTES 128

struct work_request {
    uint32_t magic;
    uint32_t limit_ms; /* after which a process without a parent ends by itself */
    uint64_t size_bytes;
    uint8_t validate;
    uint8_t cuts;
    uint8_t analyzes;
    uint8_t unused;
    struct media_cut cut;
    struct media_analysis analysis;
};

enum work_kind {
    WORK_PROGRESS, /* done */
    WORK_OPEN,     /* an output begins */
    WORK_DATA,     /* bytes of an output */
    WORK_CLOSE,    /* an output ends; its first bytes are to be overwritten by the payload */
    WORK_REPORT,   /* a piece of the report's text */
    WORK_ANALYSIS, /* a piece of the analysis's text */
    WORK_END
};

enum work_outcome {
    WORK_DONE,
    WORK_CORRUPT,
    WORK_NOT_AUDIO,
    WORK_UNREADABLE,
    WORK_IMPOSSIBLE, /* the order does not suit the file */
};

struct work_end {
    uint32_t outcome;
    uint32_t verdict;
    uint64_t samples;
    int64_t duration_ms;
    int32_t sample_rate_hz;
    int32_t channels;
    int32_t chunk_rate_hz;
    int32_t chunk_channels;
    int32_t chunk_bits;
    uint32_t retiring; /* the process ends after this */
    char reason[160];
};

struct work_message {
    uint32_t magic;
    uint32_t kind;
    uint32_t output; /* enum media_output_kind */
    uint32_t index;
    uint32_t payload_bytes; /* which follow */
    uint32_t samples_per_pixel;
    uint64_t start; /* of the chunk that ends, in samples */
    uint64_t end;
    uint64_t overlap;
    uint32_t rate_hz; /* of those samples */
    uint32_t unused;
    double done;
    struct work_end result;
};

#define WORK_MESSAGE_MAX_BYTES (sizeof(struct work_message) + WORK_PAYLOAD_MAX_BYTES)

/* Takes the LENGTH bytes of a message apart. False if they are none, or hold what no sane process
 * would send; whether it fits what came before is for others to say. */
bool work_message_parse(const void *bytes, size_t length, struct work_message *out,
                        const uint8_t **payload);

/* The report or analysis as it came: an object, written anew; NULL if it is none. */
const char *work_text_parse(const char *bytes, size_t length, struct arena *mem);

#endif
