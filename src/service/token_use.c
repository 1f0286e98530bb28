#include "service/token_use.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "catalog/token.h"

#define WAITING_MAX 64

struct use {
    struct uuid token_id;
    int64_t at_us;
};

struct token_uses {
    struct database *database;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t called;
    pthread_t thread; /* there once a use was noted */
    bool runs;
    bool stopping;
    struct use waiting[WAITING_MAX]; /* no token twice */
    size_t count;
};

struct token_uses *token_uses_new(struct database *database)
{
    struct token_uses *uses = calloc(1, sizeof *uses);

    if (!uses)
        abort();
    uses->database = database;
    pthread_mutex_init(&uses->lock, NULL);
    pthread_cond_init(&uses->called, NULL);
    return uses;
}

/* False when there is nothing and there will be nothing. */
static bool next_use(struct token_uses *uses, struct use *out)
{
    bool found;

    pthread_mutex_lock(&uses->lock);
    while (uses->count == 0 && !uses->stopping)
        pthread_cond_wait(&uses->called, &uses->lock);
    found = uses->count > 0 && !uses->stopping;
    if (found)
        *out = uses->waiting[0];
    pthread_mutex_unlock(&uses->lock);
    return found;
}

/* Only now, so that a use of the same token meanwhile was not noted a second time. */
static void forget_first(struct token_uses *uses)
{
    pthread_mutex_lock(&uses->lock);
    uses->waiting[0] = uses->waiting[--uses->count];
    pthread_mutex_unlock(&uses->lock);
}

static bool touch_work(struct db *tx, void *context, struct error *err)
{
    const struct use *use = context;

    return token_touch(tx, use->token_id, use->at_us, err);
}

static void *note_uses(void *context)
{
    struct token_uses *uses = context;
    struct error ignored;
    struct use use;

    while (next_use(uses, &use)) {
        database_write(uses->database, touch_work, &use, &ignored);
        forget_first(uses);
    }
    return NULL;
}

/* Under the lock. Signals are the main thread's business. */
static bool run(struct token_uses *uses)
{
    sigset_t all, before;

    if (uses->runs)
        return true;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    uses->runs = pthread_create(&uses->thread, NULL, note_uses, uses) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return uses->runs;
}

/* Under the lock. */
static bool is_waiting(const struct token_uses *uses, struct uuid token_id)
{
    for (size_t i = 0; i < uses->count; i++)
        if (uuid_equal(uses->waiting[i].token_id, token_id))
            return true;
    return false;
}

void token_uses_note(struct token_uses *uses, struct uuid token_id, int64_t now_us)
{
    pthread_mutex_lock(&uses->lock);
    if (uses->count < WAITING_MAX && !is_waiting(uses, token_id) && run(uses)) {
        uses->waiting[uses->count++] = (struct use){token_id, now_us};
        pthread_cond_signal(&uses->called);
    }
    pthread_mutex_unlock(&uses->lock);
}

void token_uses_free(struct token_uses *uses)
{
    if (!uses)
        return;
    pthread_mutex_lock(&uses->lock);
    uses->stopping = true;
    pthread_cond_signal(&uses->called);
    pthread_mutex_unlock(&uses->lock);
    if (uses->runs)
        pthread_join(uses->thread, NULL);
    pthread_cond_destroy(&uses->called);
    pthread_mutex_destroy(&uses->lock);
    free(uses);
}
