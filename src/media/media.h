/*
 * What is in an audio file, found out by processes that can do nothing else.
 *
 * The server keeps a few media processes (this binary, run again as `media-worker`): no network, no
 * opening of files, seccomp, limits on memory, CPU and time. A file reaches one as a descriptor,
 * over a socket pair. A process that dies or hangs costs its one file; a fresh one takes its place.
 *
 * Nothing outside media/ includes a libav header.
 */
#ifndef MEDIA_MEDIA_H
#define MEDIA_MEDIA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/scoped.h"
#include "base/str.h"

struct media_pool;

struct media_options {
    const char *program;   /* the binary to run as `PROGRAM media-worker`; NULL: this one */
    unsigned processes;    /* how many files are looked at at once */
    uint64_t memory_bytes; /* address space of each */
    uint64_t timeout_ms;   /* for one file, before the process is killed */
    bool for_works;        /* its processes do works (media/work.h), not probes */
};

/* How sure the duration is. */
enum media_duration_source {
    MEDIA_DECLARED, /* the container says so, and nothing contradicts it */
    MEDIA_SCANNED,  /* every packet or frame header was walked */
    MEDIA_DECODED   /* every frame was decoded */
};

/* Facts about one file. Text is UTF-8 and lives in the arena; NULL or 0 where unknown. */
struct media_facts {
    const char *file_type; /* the spec's short name by content: mp3, wav, m4a, flac, ogg, opus, … */
    const char *mime_type; /* audio/mpeg, … by content */
    const char *container; /* mp3, wav, rf64, w64, mov, matroska, ogg, flac, … */
    const char *codec;     /* mp3, aac, flac, pcm_s16le, … (libavcodec's names) */
    int64_t duration_ms;
    enum media_duration_source duration_source;
    int32_t sample_rate_hz;
    int32_t channels;
    int32_t bitrate_kbps;    /* of the audio stream where known, else of the file; rounded */
    int32_t bits_per_sample; /* of the samples as coded; 0 for lossy codecs */
    bool has_video;          /* a moving picture, not a cover */
    bool has_cover;
    const char
        *metadata_json; /* an object: tags, container, duration_source, bits_per_sample, chapters,
                           cover, and notes on what was odd (truncated, header_wrong …) */
};

/* Starts the first process; the others, and all of a pool for works, when they are first needed.
 * Fails with ERR_UNAVAILABLE if the first cannot be started. */
bool media_pool_open(const struct media_options *options, struct media_pool **out,
                     struct error *err);
void media_pool_free(struct media_pool *pool);
DEFINE_RELEASE(media_pool, struct media_pool)

/*
 * Looks at the SIZE bytes of FD (a regular file; its position is not used), whatever its name.
 * NAME (may be NULL) only helps to tell formats apart whose bytes do not.
 *
 * Fails with ERR_NOT_AUDIO if it is no audio at all, or has a moving picture (then OUT is filled
 * all the same, so that the caller may decide to take it); ERR_MEDIA_UNREADABLE if it is audio by
 * its form but nothing can be read from it, or two processes died over it, or one computed until
 * its time was over; ERR_UNAVAILABLE if no media process could be had, or it waited in vain for
 * what it needs until its time was over.
 */
bool media_probe(struct media_pool *pool, int fd, uint64_t size, const char *name,
                 struct arena *mem, struct media_facts *out, struct error *err);

/*
 * A first look at the first LENGTH bytes of a file as they arrive (the more the better, 4 KiB are
 * enough), in this process and without any library: only signatures are compared.
 *
 * MEDIA_SNIFF_NO means that it certainly is something else (an image, a page, an archive, a
 * program, a playlist, a subtitle); WHAT then says what, in English.
 */
enum media_sniff { MEDIA_SNIFF_MAYBE, MEDIA_SNIFF_NO };
enum media_sniff media_sniff(const void *bytes, size_t length, const char **what);

/* What media_facts.mime_type is likely to be, from the first LENGTH bytes: as many as media_sniff
 * wants. MAY_BE_VIDEO tells how to take containers of both. NULL if they say nothing. */
const char *media_guess_type(const void *bytes, size_t length, bool may_be_video);

/* Whether media_facts.file_type may be TYPE, in whatever case. */
bool media_type_is_known(struct str type);

/* The inside of a media process: serves requests on descriptor 3 until it is closed. For main.c. */
int media_worker_main(void);

#endif
