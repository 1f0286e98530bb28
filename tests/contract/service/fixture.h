/*
 * A whole app in a folder of its own, its store and its database told when to fail; and short words
 * for uploads of several requests.
 */
#ifndef TESTS_CONTRACT_SERVICE_FIXTURE_H
#define TESTS_CONTRACT_SERVICE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "catalog/quota.h"
#include "check.h"
#include "service/resumable.h"

struct service_fixture {
    char folder[64];
    struct config *config;
    struct app *app;
    struct store *inner; /* below the one that is told to fail, which is the app's only one */
    struct uuid workspace, user;
    struct arena *mem;
};

/* Runs this program as a media process where it was started as one. First thing in main. */
#define SERVE_AS_MEDIA_WORKER(argc, argv)                          \
    do                                                             \
        if ((argc) == 2 && strcmp((argv)[1], "media-worker") == 0) \
            return media_worker_main();                            \
    while (0)

/* cmocka's set-up and tear-down: *STATE is a struct service_fixture, its app open and calm. */
int service_fixture_up(void **state);
int service_fixture_down(void **state);
/* Closes everything and starts again on what is left, as after a crash. */
void service_restart(struct service_fixture *f);
struct store *service_store(struct service_fixture *f);

/* A WAV file of LENGTH bytes (44 at least) that depends on SEED; in the fixture's arena. */
const char *wav(struct service_fixture *f, size_t length, unsigned seed);

/* A session of SIZE bytes, "take.wav". */
struct resumable_request wish_of(struct service_fixture *f, enum session_kind kind, uint64_t size);
struct uuid begin(struct service_fixture *f, const struct resumable_request *wish);

/* Brings CONTENT[PART] to its place; as an append if IS_APPEND. */
bool bring(struct service_fixture *f, struct uuid id, const char *content, struct part part,
           bool is_append, struct error *err);
void check_brought(struct service_fixture *f, struct uuid id, const char *content, uint64_t length);
struct resumable_state state_of(struct service_fixture *f, struct uuid id);
/* Whether the session is neither open nor remembered. */
bool is_gone(struct service_fixture *f, struct uuid id);

struct quota quota_of(struct service_fixture *f);
#define check_reserved(f, bytes, files)                           \
    do {                                                          \
        struct quota reserved_quota = quota_of(f);                \
        assert_int_equal(reserved_quota.reserved_bytes, (bytes)); \
        assert_int_equal(reserved_quota.reserved_files, (files)); \
    } while (0)

/* The upload ID holds CONTENT, by its record and by the store. */
void check_upload(struct service_fixture *f, struct uuid id, const char *content, size_t length);
/* `audiotricks verify` adds up; with CONTENT it reads all objects, too. */
void check_all_adds_up(struct service_fixture *f, bool content);
size_t stages_of(struct service_fixture *f);
size_t objects_of(struct service_fixture *f);

#endif
