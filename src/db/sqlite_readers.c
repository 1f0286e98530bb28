/* A pool of connections for reading: it grows when all are lent, and shrinks when they lie idle. */
#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <time.h>

#include "base/clock.h"
#include "db/sqlite.h"

#define READERS_MOST 64
#define IDLE_US (3 * US_PER_S)

static bool has_surplus(const struct sqlite_readers *readers)
{
    return readers->open_count > readers->keep && readers->idle_count > 0;
}

void sqlite_readers_init(struct sqlite_readers *readers, const struct sqlite_file *file,
                         unsigned keep)
{
    pthread_condattr_t attributes;

    *readers = (struct sqlite_readers){.file = file};
    readers->idle_us = IDLE_US;
    readers->keep = keep > 0 ? keep : 1;
    readers->most = readers->keep > READERS_MOST ? readers->keep : READERS_MOST;
    pthread_mutex_init(&readers->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&readers->returned, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void free_all(struct sqlite_db *list)
{
    while (list) {
        struct sqlite_db *next = list->next;
        sqlite_db_free(list);
        list = next;
    }
}

void sqlite_readers_done(struct sqlite_readers *readers)
{
    assert(readers->idle_count == readers->open_count);
    free_all(readers->idle);
    pthread_mutex_destroy(&readers->lock);
    pthread_cond_destroy(&readers->returned);
}

/* Under the lock. Waits until a connection is idle or another may be opened. */
static bool wait_for_room(struct sqlite_readers *readers)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += readers->file->busy_ms / 1000 + 1;
    while (!readers->idle && readers->open_count >= readers->most)
        if (pthread_cond_timedwait(&readers->returned, &readers->lock, &until) == ETIMEDOUT)
            return false;
    return true;
}

/* A place in the pool: an idle connection, or NULL and the right to open one. */
static bool claim(struct sqlite_readers *readers, struct sqlite_db **out)
{
    pthread_mutex_lock(&readers->lock);
    bool room = wait_for_room(readers);
    if (room && readers->idle) {
        *out = readers->idle;
        readers->idle = (*out)->next;
        readers->idle_count--;
    } else if (room) {
        *out = NULL;
        readers->open_count++;
    }
    pthread_mutex_unlock(&readers->lock);
    return room;
}

static void unclaim(struct sqlite_readers *readers)
{
    pthread_mutex_lock(&readers->lock);
    readers->open_count--;
    pthread_cond_signal(&readers->returned);
    pthread_mutex_unlock(&readers->lock);
}

bool sqlite_readers_borrow(struct sqlite_readers *readers, struct sqlite_db **out,
                           struct error *err)
{
    struct sqlite_db *db;

    if (!claim(readers, &db))
        return error_set(err, ERR_UNAVAILABLE, "all %u connections are in use", readers->most);
    if (!db && !sqlite_connect(readers->file, SQLITE_MODE_READ, &db, err)) {
        unclaim(readers);
        return false;
    }
    *out = db;
    return true;
}

void sqlite_readers_return(struct sqlite_readers *readers, struct sqlite_db *db)
{
    db->idle_since_us = clock_monotonic_us();

    pthread_mutex_lock(&readers->lock);
    db->next = readers->idle;
    readers->idle = db;
    readers->idle_count++;
    bool call = has_surplus(readers) && !readers->watched;
    readers->watched = readers->watched || call;
    pthread_cond_signal(&readers->returned);
    pthread_mutex_unlock(&readers->lock);

    if (call && readers->surplus)
        readers->surplus(readers->surplus_context);
}

/* Under the lock. Cuts off the list's tail: connections unused since BEFORE_US, down to KEEP. */
static struct sqlite_db *cut_idle(struct sqlite_readers *readers, int64_t before_us)
{
    struct sqlite_db **link = &readers->idle;
    unsigned lent = readers->open_count - readers->idle_count;
    unsigned kept = 0;

    while (*link && ((*link)->idle_since_us > before_us || lent + kept < readers->keep)) {
        link = &(*link)->next;
        kept++;
    }
    readers->open_count -= readers->idle_count - kept;
    readers->idle_count = kept;
    return take(*link);
}

bool sqlite_readers_shrink(struct sqlite_readers *readers)
{
    pthread_mutex_lock(&readers->lock);
    struct sqlite_db *unused = cut_idle(readers, clock_monotonic_us() - readers->idle_us);
    bool surplus = has_surplus(readers);
    readers->watched = surplus;
    pthread_mutex_unlock(&readers->lock);

    if (unused) {
        free_all(unused);
        malloc_trim(0); /* their caches lie scattered, and would stay resident */
    }
    return surplus;
}
