#include "service/node.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "catalog/node.h"
#include "service/shared_clock.h"
#include "service/watch.h"

#define ID_FILE_MAX 128
#define KEPT_PER_LEASE 3 /* one that fails costs nothing yet */
#define LOOK_NS 100000000L
#define HOST_MAX 255

static const char *const duty_names[DUTIES] = {
    [DUTY_SWEEP] = "sweep", [DUTY_WEBHOOKS] = "webhooks"};

struct node {
    struct app *app;
    struct node_row row;
    char host[HOST_MAX + PATH_MAX + 2];
    int64_t lease_us;
    /* On the monotonic clock; 0: it is not ours. The database's lease ends later. */
    atomic_int_fast64_t held_until_us[DUTIES];
    bool is_kept; /* whether the last try to say something went well; the thread's */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping; /* under LOCK */
};

/* ---- the id of a data folder ---- */

static bool make_id(const char *path, const struct clock *clock, const struct random_source *random,
                    struct uuid *out, struct error *err)
{
    char line[UUID_TEXT_SIZE + 1];

    *out = uuid_new(clock, random);
    uuid_format(*out, line);
    strcat(line, "\n");
    return fs_write_file(path, line, strlen(line), 0600, err);
}

bool node_id_read(const char *data, bool make, const struct clock *clock,
                  const struct random_source *random, struct uuid *out, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    const char *path = arena_printf(mem, "%s/node-id", data);
    size_t length;
    char *text;

    *out = (struct uuid){{0}};
    if (fs_read_file(path, ID_FILE_MAX, mem, &text, &length, err)) {
        text[strcspn(text, "\r\n")] = '\0';
        return uuid_parse(str_trim(str_from(text)), out) ||
               error_tell(err, ERR_INVALID, "\"%s\" holds no id: remove it", path);
    }
    if (err->kind != ERR_NOT_FOUND)
        return false;
    return !make || make_id(path, clock, random, out, err);
}

/* ---- asking ---- */

bool node_is_shared(const struct app *app)
{
    return app->node && database_is_shared(app->database);
}

struct uuid node_instance(const struct app *app)
{
    return node_is_shared(app) ? app->node->row.instance : (struct uuid){{0}};
}

bool node_has(const struct app *app, enum duty duty)
{
    return !node_is_shared(app) ||
           clock_monotonic_us() < atomic_load(&app->node->held_until_us[duty]);
}

bool node_must_have(struct db *tx, const struct app *app, enum duty duty, struct error *err)
{
    bool held;

    if (!node_is_shared(app))
        return true;
    return duty_is_held(tx, duty_names[duty], app->node->row.instance, &held, err) &&
           (held ||
            error_set(err, ERR_CONFLICT, "duty \"%s\" is another node's by now", duty_names[duty]));
}

static bool is_alive(const struct app *app, struct uuid id, bool *out, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    scoped(db_release) struct db *db = NULL;
    struct node_row row;
    int64_t now_us;

    *out = false;
    if (!database_read(app->database, &db, err) || !node_clock(db, &now_us, err))
        return false;
    if (!node_by_id(db, id, mem, &row, err))
        return err->kind == ERR_NOT_FOUND;
    *out = row.lease_until_us > now_us;
    return true;
}

bool node_looks_after(const struct app *app, struct uuid id, bool *out, struct error *err)
{
    bool alive;

    *out = !node_is_shared(app) || uuid_equal(id, app->node_id);
    if (*out || !node_has(app, DUTY_SWEEP))
        return true;
    if (!is_alive(app, id, &alive, err))
        return false;
    *out = !alive;
    return true;
}

bool node_has_company(const struct app *app, bool *out, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    scoped(db_release) struct db *db = NULL;
    struct uuid *alive;
    size_t count = 0;
    int64_t now_us;

    if (node_is_shared(app) &&
        (!database_read(app->database, &db, err) || !node_clock(db, &now_us, err) ||
         !node_alive(db, now_us, 2, mem, &alive, &count, err)))
        return false;
    *out = count > 1;
    return true;
}

/* ---- entering ---- */

struct entering {
    struct node *node;
    int64_t occupied_us; /* how long another host may still be this node; 0: none is */
};

/* The start before this one has ended: its server held the lock of the data folder. */
static bool take_over(struct db *tx, const struct node_row *before, struct error *err)
{
    for (unsigned i = 0; i < DUTIES; i++)
        if (!duty_leave(tx, duty_names[i], before->instance, err))
            return false;
    return true;
}

static bool enter_work(struct db *tx, void *context, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct entering *entering = context;
    struct node *node = entering->node;
    struct node_row before;
    int64_t now_us;

    entering->occupied_us = 0;
    if (!node_clock(tx, &now_us, err))
        return false;
    if (node_by_id(tx, node->row.id, mem, &before, err)) {
        if (node_is_shared(node->app) && before.lease_until_us > now_us &&
            strcmp(before.host, node->host) != 0) {
            entering->occupied_us = before.lease_until_us - now_us;
            return true;
        }
        if (!take_over(tx, &before, err))
            return false;
    } else if (err->kind != ERR_NOT_FOUND) {
        return false;
    }
    node->row.lease_until_us = now_us + node->lease_us;
    return node_begin(tx, &node->row, now_us, err) && node_adopt(tx, node->row.id, err);
}

/* A container that is started anew is another host: the lease of the one before runs out. */
static bool enter(struct node *node, struct error *err)
{
    const struct timespec pause = {.tv_nsec = LOOK_NS};
    struct entering entering = {.node = node};
    int64_t end_us = 0;

    for (;;) {
        if (!database_write(node->app->database, enter_work, &entering, err))
            return false;
        if (entering.occupied_us == 0)
            return true;
        if (end_us == 0)
            end_us = clock_monotonic_us() + entering.occupied_us + US_PER_S;
        if (clock_monotonic_us() > end_us)
            return error_tell(err, ERR_EXISTS,
                              "another server runs with the node-id of this data folder: if one is "
                              "a copy of the other, remove that file from it");
        nanosleep(&pause, NULL);
    }
}

/* ---- keeping ---- */

struct keeping {
    struct node *node;
    bool is_ours; /* the node */
    bool taken[DUTIES];
};

static bool keep_work(struct db *tx, void *context, struct error *err)
{
    struct keeping *keeping = context;
    struct node_row *row = &keeping->node->row;
    int64_t now_us;

    if (!node_clock(tx, &now_us, err))
        return false;
    row->lease_until_us = now_us + keeping->node->lease_us;
    if (!node_keep(tx, row, &keeping->is_ours, err))
        return false;
    for (unsigned i = 0; i < DUTIES; i++) {
        keeping->taken[i] = false;
        if (keeping->is_ours && !duty_take(tx, duty_names[i], row->instance, now_us,
                                           row->lease_until_us, &keeping->taken[i], err))
            return false;
    }
    return true;
}

/* Whoever waits for a duty is told that it has come. */
static void note_duty(struct node *node, unsigned duty, int64_t until_us)
{
    bool had = clock_monotonic_us() < atomic_exchange(&node->held_until_us[duty], until_us);

    if (!had && until_us > 0)
        log_event(LOG_INFO, "took a duty", log_text("duty", duty_names[duty]));
    if (!had && until_us > 0 && duty == DUTY_WEBHOOKS)
        watch_tell(node->app->webhook_changes);
}

static bool keep_time(struct app *app, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(app->database, &db, err) && shared_clock_keep(app, db, err);
}

static bool keep(struct node *node, struct error *err)
{
    int64_t until_us = clock_monotonic_us() + node->lease_us;
    struct keeping keeping = {.node = node};

    if (!database_write(node->app->database, keep_work, &keeping, err))
        return false;
    for (unsigned i = 0; i < DUTIES; i++)
        note_duty(node, i, keeping.taken[i] ? until_us : 0);
    if (!keeping.is_ours)
        return error_set(err, ERR_CONFLICT, "another server has been started with this node-id");
    return keep_time(node->app, err);
}

static bool wait_for_next(struct node *node)
{
    int64_t at_us = clock_monotonic_us() + node->lease_us / KEPT_PER_LEASE;
    struct timespec until = {.tv_sec = at_us / US_PER_S, .tv_nsec = at_us % US_PER_S * 1000};
    bool go_on;

    pthread_mutex_lock(&node->lock);
    while (!node->stopping && pthread_cond_timedwait(&node->wake, &node->lock, &until) != ETIMEDOUT)
        ;
    go_on = !node->stopping;
    pthread_mutex_unlock(&node->lock);
    return go_on;
}

static void *run(void *context)
{
    struct node *node = context;
    struct error err;

    while (wait_for_next(node)) {
        bool kept = keep(node, &err);

        if (!kept && node->is_kept)
            log_event(LOG_WARN, "the node could not keep its lease", log_text("error", err.log));
        node->is_kept = kept;
    }
    return NULL;
}

/* ---- leaving ---- */

static bool leave_work(struct db *tx, void *context, struct error *err)
{
    struct node *node = context;
    bool kept;

    return node_clock(tx, &node->row.lease_until_us, err) && take_over(tx, &node->row, err) &&
           node_keep(tx, &node->row, &kept, err);
}

static void leave(struct node *node)
{
    struct error err;

    if (!database_write(node->app->database, leave_work, node, &err))
        log_event(LOG_INFO, "the node's lease is left to run out", log_text("error", err.log));
}

/* ---- starting and stopping ---- */

static struct node *node_new(struct app *app, const char *data)
{
    struct node *node = calloc(1, sizeof *node);
    char host[HOST_MAX + 1] = "", path[PATH_MAX];
    pthread_condattr_t monotonic;

    if (!node)
        abort();
    gethostname(host, HOST_MAX);
    snprintf(node->host, sizeof node->host, "%s:%s", host, realpath(data, path) ? path : data);
    node->app = app;
    node->row =
        (struct node_row){.id = app->node_id, .instance = app_new_id(app), .host = node->host};
    node->lease_us = app->settings.node_lease_us;
    node->is_kept = true;
    pthread_mutex_init(&node->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&node->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return node;
}

/* Signals are the main thread's business. */
static bool start_without_signals(struct node *node, struct error *err)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    node->has_thread = pthread_create(&node->thread, NULL, run, node) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return node->has_thread || error_set(err, ERR_UNAVAILABLE, "no thread for the node's lease");
}

bool node_start(struct app *app, const char *data, struct node **out, struct error *err)
{
    scoped(node_release) struct node *node = node_new(app, data);

    app->node = node;
    if (!enter(node, err) ||
        (node_is_shared(app) && (!keep(node, err) || !start_without_signals(node, err))))
        return false;
    *out = take(node);
    return true;
}

void node_free(struct node *node)
{
    if (!node)
        return;
    pthread_mutex_lock(&node->lock);
    node->stopping = true;
    pthread_cond_signal(&node->wake);
    pthread_mutex_unlock(&node->lock);
    if (node->has_thread) {
        pthread_join(node->thread, NULL);
        leave(node);
    }
    node->app->node = NULL;
    pthread_cond_destroy(&node->wake);
    pthread_mutex_destroy(&node->lock);
    free(node);
}
