/* What every case of the store contract stands on: a fresh store of one provider, and short words.
 */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/store.h"

struct store_fixture {
    struct store *store;
    char *folder; /* the local store's, below a temporary one */
    char *above;
    char prefix[64]; /* of an S3 store: each fixture has its own */
    bool has_files;  /* the store's objects are files in FOLDER */
    struct error err;
};

/* cmocka's setup and teardown. STATE becomes a struct store_fixture. */
int store_fixture_setup(void **state);
int store_fixture_teardown(void **state);
/* Closes the store and opens it anew, as a restart of the server does. */
void store_fixture_reopen(struct store_fixture *f);
/* Opens another handle of the same store. */
struct store *store_fixture_open(struct store_fixture *f);

/* Fails the test with the error's text. */
#define assert_ok(f, expr)                           \
    do                                               \
        if (!(expr))                                 \
            fail_msg("%s: %s", #expr, (f)->err.log); \
    while (0)
#define assert_refused(f, expected, expr)                                  \
    do {                                                                   \
        if (expr)                                                          \
            fail_msg("%s: succeeded", #expr);                              \
        if ((f)->err.kind != (expected))                                   \
            fail_msg("%s: %s instead of " #expected, #expr, (f)->err.log); \
    } while (0)

/* A sink that keeps what it got. */
struct text_sink {
    struct sink base;
    char *bytes;
    size_t length, room;
};
void text_sink_init(struct text_sink *self);
void text_sink_done(struct text_sink *self);

bool put_text(struct store *store, const char *id, const char *key, const char *text,
              struct error *err);
/* LENGTH bytes that depend on SEED; the caller frees them. */
char *pattern(size_t length, unsigned seed);
/* KEY holds exactly TEXT, by head, get and, where there are descriptors, open. */
void assert_object(struct store *store, const char *key, const char *text);
void assert_object_bytes(struct store *store, const char *key, const void *bytes, size_t length);
void assert_absent(struct store *store, const char *key);
size_t count_objects(struct store *store);
size_t count_stages(struct store *store);

/* The suites; each returns the number of failures. */
int store_stage_cases(void);
int store_object_cases(void);
int store_list_cases(void);
int store_fault_cases(void);
int store_keeping_cases(void);
int store_thread_cases(void);

#endif
