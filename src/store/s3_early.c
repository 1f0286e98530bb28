#include "store/s3_early.h"

#include <assert.h>
#include <string.h>

#include "store/s3_early_state.h"

#define HELPERS_MAX 64   /* that finish one upload: parts_at_once at most */
#define AT_LEAST_PARTS 2 /* of what may end at any time: short objects need no parts */

struct s3_early *s3_early_new(const struct s3_outgoing *outgoing, uint64_t written,
                              struct arena *mem)
{
    struct s3_early *early = calloc(1, sizeof *early);
    bool is_known = outgoing->size != STAGE_SIZE_UNKNOWN;

    if (!early)
        abort();
    early->pool = outgoing->self->early;
    early->mem = mem;
    early->outgoing = *outgoing;
    early->written = written;
    early->part_bytes = is_known ? s3_part_bytes(outgoing->self, outgoing->size)
                                 : outgoing->self->settings.part_bytes;
    pthread_cond_init(&early->idle, NULL);
    return early;
}

/* Parts of which all is there. The last one is as long as it is known to become. */
static size_t parts_in(const struct s3_early *early)
{
    uint64_t whole = early->written / early->part_bytes;

    if (early->written == early->outgoing.size && early->written % early->part_bytes != 0)
        whole++;
    return whole < S3_PARTS_MAX ? (size_t)whole : S3_PARTS_MAX;
}

void s3_early_written(struct s3_early *early, uint64_t offset, size_t length)
{
    struct s3_early_pool *pool = early->pool;
    bool is_known = early->outgoing.size != STAGE_SIZE_UNKNOWN;
    size_t before = parts_in(early), parts;

    if (!early->is_spoilt && offset != early->written)
        s3_early_spoil(early);
    if (early->is_spoilt)
        return;
    early->written += length;
    parts = parts_in(early);
    if (parts == before || (!is_known && parts < AT_LEAST_PARTS))
        return;
    pthread_mutex_lock(&pool->lock);
    s3_early_set_ready(early, parts);
    s3_early_enqueue(early);
    pthread_mutex_unlock(&pool->lock);
}

void s3_early_spoil(struct s3_early *early)
{
    pthread_mutex_lock(&early->pool->lock);
    early->is_spoilt = early->is_over = true;
    s3_early_dequeue(early);
    pthread_mutex_unlock(&early->pool->lock);
}

/* With what was begun, unless there is an object of it, or may be one yet. */
static void give_up(struct s3_early *early)
{
    atomic_store(&early->stop, true);
    pthread_mutex_lock(&early->pool->lock);
    early->is_over = true;
    s3_early_dequeue(early);
    s3_early_wait_until_idle(early);
    pthread_mutex_unlock(&early->pool->lock);
    if (early->id && !early->is_complete)
        s3_abort_soon(early->outgoing.self, early->outgoing.key, early->id);
    early->id = NULL;
}

void s3_early_free(struct s3_early *early)
{
    if (!early)
        return;
    give_up(early);
    pthread_cond_destroy(&early->idle);
    free(early->parts);
    free(early->etags);
    arena_free(early->mem);
    free(early);
}

/* ---- the end ---- */

static const char *said(const struct s3_outgoing *outgoing, const char *name)
{
    for (size_t i = 0; i < outgoing->header_count; i++)
        if (strcmp(outgoing->headers[i].name, name) == 0)
            return outgoing->headers[i].value;
    return NULL;
}

static bool says_the_same(const struct s3_outgoing *begun, const struct s3_outgoing *wanted)
{
    return strcmp(said(begun, "content-type"), said(wanted, "content-type")) == 0 &&
           (!begun->sha256 || strcmp(begun->sha256, wanted->sha256) == 0);
}

/* Gives up at the first part that fails after all its attempts. */
static void *send_rest(void *context)
{
    struct s3_early *early = context;

    pthread_mutex_lock(&early->pool->lock);
    early->busy++;
    while (!early->is_refused && early->failures == 0 && s3_early_send_next(early))
        ;
    s3_early_leave(early);
    pthread_mutex_unlock(&early->pool->lock);
    return NULL;
}

/* How many may be sent at once, beside those that the pool still has. */
static size_t room_for(struct s3_early *early)
{
    unsigned most = early->outgoing.self->settings.parts_at_once;
    size_t room, unsent = 0;

    pthread_mutex_lock(&early->pool->lock);
    room = most > early->busy ? most - early->busy : 1;
    for (size_t i = s3_early_next(early); i < early->ready && unsent < room; i++)
        unsent += early->parts[i] == UNSENT;
    pthread_mutex_unlock(&early->pool->lock);
    return unsent;
}

/* This thread, and as many more as there may be, or as the system grants. */
static void send_together(struct s3_early *early)
{
    pthread_t threads[HELPERS_MAX];
    size_t wanted = room_for(early), made = 0;

    assert(wanted <= HELPERS_MAX);
    while (made + 1 < wanted && pthread_create(&threads[made], NULL, send_rest, early) == 0)
        made++;
    send_rest(early);
    for (size_t i = 0; i < made; i++)
        pthread_join(threads[i], NULL);
}

/* Whether nothing is left once nobody is at it any more; ERR says why not. */
static bool all_is_sent(struct s3_early *early, struct error *err)
{
    bool is_sent;

    pthread_mutex_lock(&early->pool->lock);
    s3_early_wait_until_idle(early);
    is_sent = s3_early_next(early) >= early->ready;
    if (!is_sent)
        *err = early->failed;
    pthread_mutex_unlock(&early->pool->lock);
    return is_sent;
}

/* Meanwhile the pool ends what it is at; what it fails to send has its turn after that. */
static bool send_all_rest(struct s3_early *early, struct error *err)
{
    do {
        send_together(early);
        if (all_is_sent(early, err))
            return true;
    } while (early->failures == 0 && !early->is_refused);
    return false;
}

/* The pool takes no more; what it failed to send has another chance. False if nothing was begun. */
static bool take_over(struct s3_early *early, uint64_t size)
{
    uint64_t parts = (size + early->part_bytes - 1) / early->part_bytes;

    pthread_mutex_lock(&early->pool->lock);
    early->is_over = early->is_ending = true;
    s3_early_dequeue(early);
    while (early->is_beginning)
        pthread_cond_wait(&early->idle, &early->pool->lock);
    bool usable = early->id && !early->is_refused && parts <= S3_PARTS_MAX;
    if (usable) {
        early->failures = 0;
        early->outgoing.size = size;
        s3_early_set_ready(early, (size_t)parts);
    }
    pthread_mutex_unlock(&early->pool->lock);
    return usable;
}

/* Where the size was told, the last part may have gone by it. */
static bool fits(const struct s3_early *early, const struct s3_outgoing *outgoing)
{
    uint64_t told = early->outgoing.size;

    return !early->is_spoilt && early->written == outgoing->size &&
           (told == STAGE_SIZE_UNKNOWN || told == outgoing->size) &&
           says_the_same(&early->outgoing, outgoing);
}

static bool finish(struct s3_early *early, const struct s3_outgoing *outgoing, struct error *err)
{
    struct s3_multipart multipart = {.outgoing = outgoing,
                                     .id = early->id,
                                     .part_bytes = early->part_bytes,
                                     .count = early->ready};
    struct s3_ending ending;
    bool good;

    if (!send_all_rest(early, err))
        return false;
    multipart.etags = early->etags;
    good = s3_multipart_complete(&multipart, &ending, err);
    early->is_refused = ending.refused;
    /* Otherwise it is given up: see s3_send_parts. A doubt stays, whatever another attempt says. */
    early->is_complete = early->is_complete || ending.in_doubt || (good && !ending.was_there);
    return good;
}

bool s3_early_finish(struct s3_early *early, const struct s3_outgoing *outgoing, bool *done,
                     struct error *err)
{
    *done = false;
    if (fits(early, outgoing) && take_over(early, outgoing->size)) {
        *done = finish(early, outgoing, err);
        if (!*done && (!early->is_refused || err->kind == ERR_EXISTS))
            return false;
    }
    if (!*done)
        give_up(early);
    return true;
}
