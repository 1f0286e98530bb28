#include "service/queue.h"

#include <assert.h>
#include <pthread.h>
#include <time.h>

#include "base/json_depth.h"
#include "base/random.h"
#include "catalog/upload_progress.h"
#include "service/processor.h"

#include <jansson.h>

#define PROCESSORS_MAX 32 /* as many kinds as one lease may name */
#define KINDS_MAX 64
#define ASK_AGAIN_US US_PER_S
#define KEEP_MAX_MS (UINT64_C(100) * 365 * 86400000)
#define RETRY_DELAY_MAX_US (3600 * US_PER_S)

struct queue {
    struct queue_kind kinds[KINDS_MAX];
    size_t kind_count;
    int64_t lease_us, retry_delay_us, keep_us;
    unsigned waiting_max;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t signalled;
    uint64_t turn, cancels;
    unsigned waiting;
    struct queue_figures figures[KINDS_MAX + 1]; /* of each kind, and of all others */
};

/* ---- kinds ---- */

/* What an upload is to go through whether or not this program can do it: the jobs wait for one that
 * can. */
static const struct queue_kind built_in[] = {
    {.name = JOB_KIND_VALIDATE, .is_built_in = true, .per = PER_UPLOAD, .max_retries = -1},
    {.name = JOB_KIND_CHUNK, .is_built_in = true, .max_retries = -1},
    {.name = "analyze", .is_built_in = true, .max_retries = -1},
};

static struct queue_kind *find_kind(struct queue *queue, const char *name)
{
    for (size_t i = 0; i < queue->kind_count; i++)
        if (strcmp(queue->kinds[i].name, name) == 0)
            return &queue->kinds[i];
    return NULL;
}

void queue_add_kind(struct queue *queue, const struct queue_kind *kind)
{
    struct queue_kind *place = find_kind(queue, kind->name);

    if (!place) {
        assert(queue->kind_count < KINDS_MAX);
        place = &queue->kinds[queue->kind_count++];
    }
    *place = *kind;
}

const struct queue_kind *queue_kind(const struct queue *queue, const char *name)
{
    return find_kind((struct queue *)queue, name);
}

bool queue_kind_at(const struct queue *queue, size_t index, const struct queue_kind **out)
{
    if (index >= queue->kind_count)
        return false;
    *out = &queue->kinds[index];
    return true;
}

/* ---- configuration ---- */

static bool refuse(const char *processor, const char *key, const char *what, struct error *err)
{
    return error_tell(err, ERR_INVALID, "processor \"%s\": %s %s", processor, key, what);
}

static bool read_per(const char *name, const char *text, enum queue_per *out, struct error *err)
{
    static const char *const names[] = {
        [PER_REQUEST] = "request", [PER_UPLOAD] = "upload", [PER_CHUNK] = "chunk"};

    for (size_t i = 0; text && i < COUNT_OF(names); i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (enum queue_per)i;
            return true;
        }
    return !text || refuse(name, "per", "is not request, upload or chunk", err);
}

static bool read_count(const struct config *config, const char *name, const char *key, uint64_t max,
                       uint32_t *out, struct error *err)
{
    const char *text = config_named_text(config, "processor", name, key);
    uint64_t value;

    if (!text)
        return true;
    if (!str_to_u64(str_from(text), max, &value))
        return refuse(name, key, "is not such a number", err);
    *out = (uint32_t)value;
    return true;
}

static bool read_priority(const struct config *config, const char *name, int32_t *out,
                          struct error *err)
{
    const char *text = config_named_text(config, "processor", name, "priority");
    bool is_negative = text && *text == '-';
    uint64_t value;

    if (!text)
        return true;
    if (!str_to_u64(str_from(text + is_negative), JOB_PRIORITY_MAX, &value))
        return refuse(name, "priority", "is not from -1000 to 1000", err);
    *out = is_negative ? -(int32_t)value : (int32_t)value;
    return true;
}

static bool read_options(const char *name, const char *text, const char **out, struct error *err)
{
    json_t *root;
    bool is_object;

    if (!text)
        return true;
    if (strlen(text) > JOB_OPTIONS_MAX || !json_depth_is_bounded(text, strlen(text)))
        return refuse(name, "options", "is too long or too deep", err);
    root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    is_object = json_is_object(root);
    json_decref(root);
    *out = text;
    return is_object || refuse(name, "options", "is not a JSON object", err);
}

/* Whoever runs commands reads them too; that they can be read is everybody's to know. */
static bool check_command(const struct config *config, const char *name, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct processor processor;
    bool is_command;

    return processor_read(config, name, mem, &is_command, &processor, err);
}

static bool read_processor(const struct config *config, const char *name, struct queue_kind *out,
                           struct error *err)
{
    uint32_t retries = UINT32_MAX;

    *out = (struct queue_kind){.name = name, .max_retries = -1};
    out->after = config_named_text(config, "processor", name, "after");
    if (!read_per(name, config_named_text(config, "processor", name, "per"), &out->per, err) ||
        !read_count(config, name, "concurrency", INT32_MAX, &out->most, err) ||
        !read_count(config, name, "workspace_concurrency", INT32_MAX, &out->most_each, err) ||
        !read_count(config, name, "max_retries", JOB_RETRIES_MAX, &retries, err) ||
        !read_priority(config, name, &out->priority, err) ||
        !read_options(name, config_named_text(config, "processor", name, "options"), &out->options,
                      err) ||
        !check_command(config, name, err))
        return false;
    out->is_not_kept = config_named_text(config, "processor", name, "cache") &&
                       !config_named_bool(config, "processor", name, "cache");
    if (retries != UINT32_MAX)
        out->max_retries = (int32_t)retries;
    return true;
}

static bool add_processors(struct queue *queue, const struct config *config, struct error *err)
{
    const char *name;

    for (size_t i = 0; config_named_at(config, "processor", i, &name); i++) {
        struct queue_kind kind;

        if (!job_kind_is_valid(name))
            return error_tell(
                err, ERR_INVALID,
                "processor \"%s\": a name has at most %d small letters, digits, - and _", name,
                JOB_KIND_MAX);
        if (find_kind(queue, name) && find_kind(queue, name)->is_built_in)
            return error_tell(err, ERR_INVALID,
                              "processor \"%s\": the server has a kind of that name", name);
        if (i == PROCESSORS_MAX)
            return error_tell(err, ERR_INVALID, "there are more than %d processors",
                              PROCESSORS_MAX);
        if (!read_processor(config, name, &kind, err))
            return false;
        queue_add_kind(queue, &kind);
    }
    return true;
}

/* What comes after something that is never made would never be made. */
static bool check_order(struct queue *queue, struct error *err)
{
    for (size_t i = 0; i < queue->kind_count; i++) {
        const struct queue_kind *kind = &queue->kinds[i];
        const struct queue_kind *after = kind->after ? find_kind(queue, kind->after) : NULL;

        if (kind->after &&
            (!after || after == kind || (!after->is_built_in && after->per == PER_REQUEST)))
            return refuse(kind->name, "after", "names nothing that is done for every upload", err);
    }
    return true;
}

static bool read_duration(const struct config *config, const char *key, uint64_t min_ms,
                          uint64_t max_ms, int64_t *out_us, struct error *err)
{
    uint64_t ms = config_number(config, "jobs", key);

    if (ms < min_ms || ms > max_ms)
        return error_tell(err, ERR_INVALID, "jobs.%s: must be from %llu to %llu ms", key,
                          (unsigned long long)min_ms, (unsigned long long)max_ms);
    *out_us = (int64_t)ms * 1000;
    return true;
}

static bool read_settings(struct queue *queue, const struct config *config, struct error *err)
{
    uint64_t waiting = config_number(config, "jobs", "waiting_max");

    if (waiting > 10000)
        return error_tell(err, ERR_INVALID, "jobs.waiting_max: must be at most 10000");
    queue->waiting_max = (unsigned)waiting;
    return read_duration(config, "lease", 1000, 86400000, &queue->lease_us, err) &&
           read_duration(config, "retry_delay", 10, 3600000, &queue->retry_delay_us, err) &&
           read_duration(config, "keep", 0, KEEP_MAX_MS, &queue->keep_us, err);
}

bool queue_new(const struct config *config, struct queue **out, struct error *err)
{
    struct queue *queue = calloc(1, sizeof *queue);
    pthread_condattr_t monotonic;

    if (!queue)
        abort();
    pthread_mutex_init(&queue->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&queue->signalled, &monotonic);
    pthread_condattr_destroy(&monotonic);
    for (size_t i = 0; i < COUNT_OF(built_in); i++)
        queue_add_kind(queue, &built_in[i]);
    if (!read_settings(queue, config, err) || !add_processors(queue, config, err) ||
        !check_order(queue, err)) {
        queue_free(queue);
        return false;
    }
    *out = queue;
    return true;
}

void queue_free(struct queue *queue)
{
    if (!queue)
        return;
    pthread_cond_destroy(&queue->signalled);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

int64_t queue_lease_us(const struct queue *queue)
{
    return queue->lease_us;
}

int64_t queue_keep_us(const struct queue *queue)
{
    return queue->keep_us;
}

int64_t queue_retry_delay_us(const struct queue *queue, int32_t attempts,
                             const struct random_source *random)
{
    int64_t delay_us = queue->retry_delay_us;
    uint32_t chance;

    for (int32_t i = 1; i < attempts && delay_us < RETRY_DELAY_MAX_US; i++)
        delay_us *= 2;
    if (delay_us > RETRY_DELAY_MAX_US)
        delay_us = RETRY_DELAY_MAX_US;
    random->fill(random, &chance, sizeof chance);
    return delay_us / 2 + (int64_t)((double)(delay_us / 2) * chance / UINT32_MAX);
}

/* ---- figures ---- */

static size_t figure_of(const struct queue *queue, const char *kind)
{
    for (size_t i = 0; i < queue->kind_count; i++)
        if (strcmp(queue->kinds[i].name, kind) == 0)
            return i;
    return KINDS_MAX;
}

void queue_count(struct queue *queue, const char *kind, enum queue_event event, int64_t run_ms)
{
    size_t place = figure_of(queue, kind);

    pthread_mutex_lock(&queue->lock);
    queue->figures[place].events[event]++;
    queue->figures[place].run_ms += run_ms > 0 ? (uint64_t)run_ms : 0;
    pthread_mutex_unlock(&queue->lock);
}

bool queue_figures_at(struct queue *queue, size_t index, struct queue_figures *out)
{
    bool is_last = index == queue->kind_count;

    if (index > queue->kind_count)
        return false;
    pthread_mutex_lock(&queue->lock);
    *out = queue->figures[is_last ? KINDS_MAX : index];
    pthread_mutex_unlock(&queue->lock);
    out->kind = is_last ? "other" : queue->kinds[index].name;
    return true;
}

/* ---- waiting ---- */

uint64_t queue_turn(struct queue *queue)
{
    uint64_t turn;

    pthread_mutex_lock(&queue->lock);
    turn = queue->turn;
    pthread_mutex_unlock(&queue->lock);
    return turn;
}

void queue_signal(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->turn++;
    pthread_cond_broadcast(&queue->signalled);
    pthread_mutex_unlock(&queue->lock);
}

void queue_cancelled(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->cancels++;
    pthread_mutex_unlock(&queue->lock);
}

uint64_t queue_cancels(struct queue *queue)
{
    uint64_t cancels;

    pthread_mutex_lock(&queue->lock);
    cancels = queue->cancels;
    pthread_mutex_unlock(&queue->lock);
    return cancels;
}

void queue_wait(struct queue *queue, uint64_t turn, int64_t until_us)
{
    int64_t again_us = clock_monotonic_us() + ASK_AGAIN_US;
    int64_t at_us = until_us < again_us ? until_us : again_us;
    struct timespec until = {.tv_sec = at_us / US_PER_S, .tv_nsec = at_us % US_PER_S * 1000};
    int code = 0;

    pthread_mutex_lock(&queue->lock);
    while (queue->turn == turn && code == 0)
        code = pthread_cond_timedwait(&queue->signalled, &queue->lock, &until);
    pthread_mutex_unlock(&queue->lock);
}

bool queue_enter_waiting(struct queue *queue)
{
    bool entered;

    pthread_mutex_lock(&queue->lock);
    entered = queue->waiting < queue->waiting_max;
    queue->waiting += entered;
    pthread_mutex_unlock(&queue->lock);
    return entered;
}

void queue_leave_waiting(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->waiting--;
    pthread_mutex_unlock(&queue->lock);
}
