/* The threads that send parts early, and their queue. */
#include <assert.h>
#include <fcntl.h>
#include <string.h>

#include "base/log.h"
#include "store/s3_early_state.h"

#define FAILURES_MAX 3 /* of parts, each after all its attempts; the rest waits for the end */
#define CACHED_BYTES (UINT64_C(32) << 20) /* of each stage stay in memory, as in local_stage.c */

/* ---- what is to be sent: under the lock ---- */

size_t s3_early_next(struct s3_early *early)
{
    while (early->unsent < early->ready && early->parts[early->unsent] != UNSENT)
        early->unsent++;
    return early->unsent;
}

static bool has_work(struct s3_early *early)
{
    return !early->is_over && !early->is_beginning && early->ready > early->patience &&
           early->busy < early->outgoing.self->settings.parts_at_once &&
           s3_early_next(early) < early->ready;
}

void s3_early_set_ready(struct s3_early *early, size_t count)
{
    if (count > early->room) {
        size_t room = count < 16 ? 16 : 2 * count;

        early->parts = realloc(early->parts, room);
        early->etags = realloc(early->etags, room * sizeof *early->etags);
        if (!early->parts || !early->etags)
            abort();
        memset(early->parts + early->room, UNSENT, room - early->room);
        early->room = room;
    }
    early->ready = count;
}

/* For a thread that has just left off. */
void s3_early_leave(struct s3_early *early)
{
    if (--early->busy == 0)
        pthread_cond_broadcast(&early->idle);
}

void s3_early_wait_until_idle(struct s3_early *early)
{
    while (early->busy > 0)
        pthread_cond_wait(&early->idle, &early->pool->lock);
}

/* ---- sending: called and left with the lock held, which is not held meanwhile ---- */

/* The local store has kept it for us. */
static void drop_from_memory(int fd, uint64_t start, uint64_t length)
{
    if (start >= CACHED_BYTES)
        (void)posix_fadvise(fd, (off_t)start, (off_t)length, POSIX_FADV_DONTNEED);
}

/* It is sent later. A request that was under way when all had come may have failed for what was
 * before: it does not count. */
static void note_failure(struct s3_early *early, size_t index, bool refused, bool counts,
                         const struct error *err)
{
    early->parts[index] = UNSENT;
    if (index < early->unsent)
        early->unsent = index;
    early->failed = *err;
    error_context(&early->failed, "part %zu", index + 1);
    early->patience = early->ready;
    early->is_refused = early->is_refused || refused;
    early->failures += counts;
    early->is_over = early->is_over || refused || early->failures >= FAILURES_MAX;
    log_event(LOG_INFO, "a part could not be sent early and is left for later",
              log_text("error", early->failed.log));
}

static void send_one(struct s3_early *early, size_t index)
{
    pthread_mutex_t *lock = &early->pool->lock;
    struct s3_outgoing outgoing = early->outgoing; /* its size may become known meanwhile */
    struct s3_multipart multipart = {
        .outgoing = &outgoing, .id = early->id, .part_bytes = early->part_bytes};
    char etag[S3_ETAG_SIZE];
    bool was_ending = early->is_ending, refused = false, sent;
    struct error err;

    pthread_mutex_unlock(lock);
    sent = s3_multipart_send(&multipart, index, &early->stop, etag, &refused, &err);
    if (sent)
        drop_from_memory(outgoing.fd, index * early->part_bytes, early->part_bytes);
    pthread_mutex_lock(lock);
    if (!sent) {
        note_failure(early, index, refused, was_ending == early->is_ending, &err);
        return;
    }
    early->parts[index] = SENT;
    memcpy(early->etags[index], etag, sizeof etag);
}

bool s3_early_send_next(struct s3_early *early)
{
    size_t index = s3_early_next(early);

    if (index >= early->ready)
        return false;
    early->parts[index] = BUSY;
    s3_early_enqueue(early); /* what is left is for the next thread */
    send_one(early, index);
    return true;
}

static void begin(struct s3_early *early)
{
    pthread_mutex_t *lock = &early->pool->lock;
    const char *id = NULL;
    struct error err;
    bool has_begun;

    early->is_beginning = true;
    pthread_mutex_unlock(lock);
    has_begun = s3_multipart_begin(&early->outgoing, early->mem, &early->stop, &id, &err);
    pthread_mutex_lock(lock);
    early->is_beginning = false;
    if (has_begun) {
        early->id = id;
        return;
    }
    early->is_over = true;
    log_event(LOG_INFO, "an upload could not be sent early and is left for later",
              log_text("error", err.log));
}

/* ---- the pool ---- */

static struct s3_early *dequeue(struct s3_early_pool *pool)
{
    struct s3_early *early = pool->first;

    pool->first = early->next;
    if (!pool->first)
        pool->last = &pool->first;
    early->queued = false;
    return early;
}

void s3_early_dequeue(struct s3_early *early)
{
    struct s3_early_pool *pool = early->pool;
    struct s3_early **at = &pool->first;

    if (!early->queued)
        return;
    while (*at != early)
        at = &(*at)->next;
    *at = early->next;
    if (!*at)
        pool->last = at;
    early->queued = false;
}

/* One step of one upload; then others have their turn. */
static void work_on(struct s3_early *early)
{
    if (!has_work(early))
        return;
    early->busy++;
    if (early->id)
        s3_early_send_next(early);
    else
        begin(early);
    s3_early_leave(early);
    s3_early_enqueue(early);
}

static void *pool_thread(void *context)
{
    struct s3_early_pool *pool = context;

    pthread_mutex_lock(&pool->lock);
    for (;;) {
        pool->waiting++;
        while (!pool->first && !pool->ending)
            pthread_cond_wait(&pool->work, &pool->lock);
        pool->waiting--;
        if (!pool->first)
            break;
        work_on(dequeue(pool));
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* Without a thread nothing is sent early. */
static void see_to_threads(struct s3_early_pool *pool)
{
    if (pool->waiting == 0 && pool->started < pool->most &&
        pthread_create(&pool->threads[pool->started], NULL, pool_thread, pool) == 0)
        pool->started++;
}

void s3_early_enqueue(struct s3_early *early)
{
    struct s3_early_pool *pool = early->pool;

    if (early->queued || !has_work(early))
        return;
    early->queued = true;
    early->next = NULL;
    *pool->last = early;
    pool->last = &early->next;
    pthread_cond_signal(&pool->work);
    see_to_threads(pool);
}

struct s3_early_pool *s3_early_pool_new(unsigned threads)
{
    struct s3_early_pool *pool = calloc(1, sizeof *pool);

    if (!pool || !(pool->threads = calloc(threads, sizeof *pool->threads)))
        abort();
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pool->last = &pool->first;
    pool->most = threads;
    return pool;
}

void s3_early_pool_free(struct s3_early_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    assert(!pool->first);
    pool->ending = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->started; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    free(pool->threads);
    free(pool);
}
