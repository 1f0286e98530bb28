/*
 * What goes over the socket between the pool and a media process: one request, one answer.
 *
 * Both ends are the same binary, so the structs travel as they lie in memory. The process parses
 * hostile files and is not trusted: answer_parse takes nothing for granted.
 */
#ifndef MEDIA_PROTOCOL_H
#define MEDIA_PROTOCOL_H

#include "media/media.h"

#define MEDIA_SOCKET_FD 3
#define METADATA_MAX_BYTES 65536
#define REQUEST_MAGIC UINT32_C(0x61744d31)
/* What is beyond these is no fact but a damaged header. */
#define DURATION_MAX_MS (INT64_C(1000) * 3600 * 24 * 366 * 100)
#define SAMPLE_RATE_MAX_HZ 100000000
#define CHANNELS_MAX 1024
#define BITS_MAX 64
#define BITRATE_MAX_KBPS 100000000

#define ANSWER_MAGIC UINT32_C(0x61744d32)

/* The file's descriptor travels beside it (SCM_RIGHTS). */
struct media_request {
    uint32_t magic;
    uint32_t limit_ms; /* after which the process is killed */
    uint64_t size_bytes;
};

enum answer_outcome { OUTCOME_AUDIO, OUTCOME_VIDEO, OUTCOME_NOT_AUDIO, OUTCOME_UNREADABLE };

struct media_answer {
    uint32_t magic;
    uint32_t outcome;
    int64_t duration_ms;
    uint32_t duration_source;
    int32_t sample_rate_hz;
    int32_t channels;
    int32_t bitrate_kbps;
    int32_t bits_per_sample;
    uint8_t has_video;
    uint8_t has_cover;
    uint8_t retiring; /* the process ends after this answer */
    uint8_t unused;
    char file_type[16];
    char mime_type[48];
    char container[16];
    char codec[32];
    char reason[160];        /* why not, in English; empty for audio */
    uint32_t metadata_bytes; /* of JSON, which follows */
};

#define ANSWER_MAX_BYTES (sizeof(struct media_answer) + METADATA_MAX_BYTES)

/* An answer that has been checked. Texts live in the arena it was parsed with. */
struct answer_view {
    enum answer_outcome outcome;
    bool retiring;
    const char *reason;
    struct media_facts facts; /* filled for audio and video */
};

/* Fills MESSAGE from FACTS; texts too long for it are cut. */
void answer_fill(struct media_answer *message, enum answer_outcome outcome,
                 const struct media_facts *facts, const char *reason);

/*
 * Checks the LENGTH bytes that came from a media process: lengths, terminators, alphabets, UTF-8,
 * JSON and how deep it nests, the ranges of all numbers. False, and OUT untouched, if anything is
 * not as a sane process would send it.
 */
bool answer_parse(const void *bytes, size_t length, struct arena *mem, struct answer_view *out);

/* Whether TEXT ends within ROOM bytes, and is UTF-8 without control characters. */
bool media_text_is_plain(const char *text, size_t room);

#endif
