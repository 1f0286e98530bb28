/* What tests of whole services stand on: a fresh data folder, opened, with what goes into it. */
#ifndef TESTS_SERVICE_FIXTURE_H
#define TESTS_SERVICE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "service/app.h"

struct app_fixture {
    char folder[40];
    struct config *config;
    struct app *app;
    struct arena *mem;
    struct uuid workspace_id, user_id; /* the first ones */
    struct error err;
};

/* cmocka's setup and teardown. STATE becomes a struct app_fixture, whose app has the stores "main"
 * (for new uploads) and "cold", and no media processes. */
int app_fixture_set_up(void **state);
int app_fixture_tear_down(void **state);
/* Closes the app and opens it over the configuration file TEXT; NULL: the two stores. */
bool app_fixture_reopen(struct app_fixture *f, const char *text);

/* A path in the data folder. */
const char *app_fixture_path(struct app_fixture *f, const char *name);
/* Puts five bytes at KEY of a store; a record of it, if RECORDED. Gives the record's id. */
struct uuid app_fixture_add(struct app_fixture *f, const char *store, const char *key,
                            bool recorded);
/* Puts an object of STORE that nothing refers to on the garbage list. */
void app_fixture_add_garbage(struct app_fixture *f, const char *store, const char *key);
/* Whether the store has an object at KEY. */
bool app_fixture_has(struct app_fixture *f, const char *store, const char *key);
/* Begins the session of a single request into "main": CONTEXT is the fixture. */
bool app_fixture_begin_post(struct db *tx, void *context, struct error *err);
/* Begins an upload of several requests. */
struct uuid app_fixture_begin(struct app_fixture *f);

/* Fails the test with the error's text. */
#define assert_ok(f, expr)                           \
    do                                               \
        if (!(expr))                                 \
            fail_msg("%s: %s", #expr, (f)->err.log); \
    while (0)

#endif
