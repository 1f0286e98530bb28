/* A folder for made audio, and a pool of real media processes to look at it. */
#ifndef TESTS_MEDIA_FIXTURE_H
#define TESTS_MEDIA_FIXTURE_H

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "media/media.h"

struct fixture {
    char folder[64];
    struct media_pool *pool;
    struct arena *mem;
};

/* One look at a file: what media_probe made of it. */
struct look {
    bool taken;
    enum error_kind kind; /* where it was not taken */
    struct media_facts facts;
    json_t *metadata; /* borrowed from the fixture until the next look */
};

/* The test program itself serves as media process: first thing in its main. */
#define FIXTURE_SERVE_AS_WORKER(argc, argv)                    \
    if ((argc) == 2 && strcmp((argv)[1], "media-worker") == 0) \
    return media_worker_main()

/* PROCESSES at once, TIMEOUT_MS for a file. */
struct fixture *fixture_new(unsigned processes, uint64_t timeout_ms);
/* Removes the folder and all in it. */
void fixture_free(struct fixture *fixture);

/* Runs a shell command in the folder; it must succeed. */
__attribute__((format(printf, 2, 3))) void make(struct fixture *fixture, const char *fmt, ...);
/* Writes a file of LENGTH bytes. */
void make_file(struct fixture *fixture, const char *name, const void *bytes, size_t length);
uint64_t file_size(struct fixture *fixture, const char *name);
/* Cuts a copy of FROM, named TO, to a share of its length. */
void make_cut(struct fixture *fixture, const char *from, const char *to, double share);
/* Overwrites bytes in the middle of a file. */
void patch_file(struct fixture *fixture, const char *name, uint64_t at, const void *bytes,
                size_t length);

struct look look_at(struct fixture *fixture, const char *name);

#define assert_near_ms(got, wanted, slack) \
    assert_in_range((got), (wanted) > (slack) ? (wanted) - (slack) : 0, (wanted) + (slack))

const char *tag_of(const struct look *look, const char *name);
int64_t number_tag_of(const struct look *look, const char *name);
bool note_of(const struct look *look, const char *name);

#endif
