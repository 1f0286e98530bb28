/* The pool of connections for reading: it grows when all are lent, and what lies idle beyond KEEP
 * is closed when the next is given back. */
#include <assert.h>
#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "db/postgres.h"

/* The server's max_connections is 100 by default, for all nodes together. */
#define CONNECTIONS_MOST 24
#define IDLE_US (10 * US_PER_S)

void postgres_pool_init(struct postgres_pool *pool, struct postgres_server *server, unsigned keep)
{
    pthread_condattr_t attributes;

    *pool = (struct postgres_pool){.server = server, .keep = keep > 0 ? keep : 1};
    pool->most = pool->keep > CONNECTIONS_MOST ? pool->keep : CONNECTIONS_MOST;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->returned, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void free_all(struct postgres_db *list)
{
    while (list) {
        struct postgres_db *next = list->next;
        postgres_db_free(list);
        list = next;
    }
}

void postgres_pool_done(struct postgres_pool *pool)
{
    assert(pool->idle_count == pool->open_count);
    free_all(pool->idle);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->returned);
}

/* ---- lending ---- */

/* Under the lock. Waits until a connection is idle or another may be opened. */
static bool wait_for_room(struct postgres_pool *pool)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += pool->server->busy_ms / 1000 + 1;
    while (!pool->idle && pool->open_count >= pool->most)
        if (pthread_cond_timedwait(&pool->returned, &pool->lock, &until) == ETIMEDOUT)
            return false;
    return true;
}

/* A place in the pool: an idle connection, or NULL and the right to open one. */
static bool claim(struct postgres_pool *pool, struct postgres_db **out)
{
    pthread_mutex_lock(&pool->lock);
    bool room = wait_for_room(pool);
    if (room && pool->idle) {
        *out = pool->idle;
        pool->idle = (*out)->next;
        pool->idle_count--;
    } else if (room) {
        *out = NULL;
        pool->open_count++;
    }
    pthread_mutex_unlock(&pool->lock);
    return room;
}

static void unclaim(struct postgres_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->open_count--;
    pthread_cond_signal(&pool->returned);
    pthread_mutex_unlock(&pool->lock);
}

bool postgres_pool_borrow(struct postgres_pool *pool, struct postgres_db **out, struct error *err)
{
    struct postgres_db *db;

    if (!claim(pool, &db))
        return error_set(err, ERR_UNAVAILABLE, "all %u connections are in use", pool->most);
    bool sound = db ? postgres_is_sound(db) || postgres_reconnect(db, err)
                    : postgres_connect(pool->server, &db, err);
    if (!sound) {
        postgres_db_free(db);
        unclaim(pool);
        return false;
    }
    *out = db;
    return true;
}

/* ---- giving back ---- */

/* Under the lock. Cuts off the list's tail: connections unused since BEFORE_US, down to KEEP. */
static struct postgres_db *cut_idle(struct postgres_pool *pool, int64_t before_us)
{
    struct postgres_db **link = &pool->idle;
    unsigned lent = pool->open_count - pool->idle_count;
    unsigned kept = 0;

    while (*link && ((*link)->idle_since_us > before_us || lent + kept < pool->keep)) {
        link = &(*link)->next;
        kept++;
    }
    pool->open_count -= pool->idle_count - kept;
    pool->idle_count = kept;
    return take(*link);
}

void postgres_pool_return(struct postgres_pool *pool, struct postgres_db *db)
{
    if (!db->handle) {
        postgres_db_free(db);
        unclaim(pool);
        return;
    }
    db->idle_since_us = clock_monotonic_us();

    pthread_mutex_lock(&pool->lock);
    db->next = pool->idle;
    pool->idle = db;
    pool->idle_count++;
    struct postgres_db *unused = cut_idle(pool, db->idle_since_us - IDLE_US);
    pthread_cond_signal(&pool->returned);
    pthread_mutex_unlock(&pool->lock);

    free_all(unused);
}
