/* The media processes and the threads that want one. */
#include <assert.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "media/pool.h"

struct slot {
    struct media_process process; /* owned by whoever holds the slot */
    bool busy;
};

struct media_pool {
    struct media_options options;
    char *program;

    pthread_mutex_t lock;
    pthread_cond_t slot_freed;
    /* Under the lock: a slot has at most one holder, and busy says so. */
    struct slot *slots;
};

/* A running process where there is one, so that the pool grows only when all are at work. */
static struct slot *free_slot(struct media_pool *pool)
{
    struct slot *found = NULL;

    for (unsigned i = 0; i < pool->options.processes; i++) {
        struct slot *slot = &pool->slots[i];

        if (slot->busy)
            continue;
        if (slot->process.pid_fd >= 0)
            return slot;
        if (!found)
            found = slot;
    }
    return found;
}

const struct media_options *pool_options(const struct media_pool *pool)
{
    return &pool->options;
}

struct media_process *pool_acquire(struct media_pool *pool)
{
    struct slot *slot;

    pthread_mutex_lock(&pool->lock);
    while (!(slot = free_slot(pool)))
        pthread_cond_wait(&pool->slot_freed, &pool->lock);
    slot->busy = true;
    pthread_mutex_unlock(&pool->lock);
    return &slot->process;
}

void pool_give_back(struct media_pool *pool, struct media_process *process)
{
    struct slot *slot = container_of(process, struct slot, process);

    pthread_mutex_lock(&pool->lock);
    slot->busy = false;
    pthread_cond_signal(&pool->slot_freed);
    pthread_mutex_unlock(&pool->lock);
}

bool media_pool_open(const struct media_options *options, struct media_pool **out,
                     struct error *err)
{
    struct media_pool *pool = calloc(1, sizeof *pool);

    assert(options->processes > 0 && pool);
    pool->options = *options;
    pool->program = options->program ? strdup(options->program) : NULL;
    pool->options.program = pool->program;
    pool->slots = calloc(options->processes, sizeof *pool->slots);
    assert(pool->slots);
    for (unsigned i = 0; i < options->processes; i++)
        pool->slots[i].process = MEDIA_PROCESS_NONE;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->slot_freed, NULL);
    if (!options->for_works && !process_start(&pool->slots[0].process, &pool->options, err)) {
        media_pool_free(pool);
        return false;
    }
    *out = pool;
    return true;
}

void media_pool_free(struct media_pool *pool)
{
    if (!pool)
        return;
    for (unsigned i = 0; i < pool->options.processes; i++) {
        assert(!pool->slots[i].busy);
        process_stop(&pool->slots[i].process);
    }
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->slot_freed);
    free(pool->slots);
    free(pool->program);
    free(pool);
}

static bool conclude(const struct answer_view *answer, struct media_facts *out, struct error *err)
{
    switch (answer->outcome) {
    case OUTCOME_AUDIO:
        *out = answer->facts;
        return true;
    case OUTCOME_VIDEO:
        *out = answer->facts;
        return error_tell(err, ERR_NOT_AUDIO, "the content is a video");
    case OUTCOME_NOT_AUDIO:
        return error_tell(err, ERR_NOT_AUDIO, "the content is not audio: %s", answer->reason);
    case OUTCOME_UNREADABLE:
        break;
    }
    return error_tell(err, ERR_MEDIA_UNREADABLE, "the audio could not be read: %s", answer->reason);
}

/* Of a process that did not answer. IS_BUSY: it computed all the time. One that waited, for a disk
 * or for a processor that others had, says nothing of the file. */
static bool gave_up(enum process_result result, bool is_busy, struct error *err)
{
    static const char *const WHAT[] = {
        [PROCESS_DIED] = "the media process died over it",
        [PROCESS_HUNG] = "the media process did not finish in time",
        [PROCESS_MADNESS] = "the media process sent nonsense",
    };

    if (result == PROCESS_HUNG && !is_busy)
        return error_set(err, ERR_UNAVAILABLE, "probe: %s", WHAT[result]);
    error_set(err, ERR_MEDIA_UNREADABLE, "probe: %s", WHAT[result]);
    return error_client(err, "the audio could not be read: reading it %s",
                        result == PROCESS_HUNG ? "took too long" : "failed");
}

/* Walks through a file look at the clock and end well before the limit: what has used this share of
 * it, and does not answer, is caught in the file. */
#define BUSY_SHARE 4

/* A process that does not answer with sense is stopped. */
static enum process_result ask_once(struct media_process *process,
                                    const struct media_request *request, int fd, struct arena *mem,
                                    struct answer_view *answer, bool *is_busy)
{
    uint64_t before_ms = process_cpu_ms(process);
    enum process_result result = process_ask(process, request, fd, mem, answer);

    *is_busy = process_cpu_ms(process) - before_ms >= request->limit_ms / BUSY_SHARE;
    if (result != PROCESS_ANSWERED)
        process_stop(process);
    return result;
}

/* A process may die of files that it has looked at before, or of what the machine is short of: only
 * if a second one, a fresh one, dies as well it is this file's fault. */
static bool ask(struct media_pool *pool, struct media_process *process,
                const struct media_request *request, int fd, struct arena *mem,
                struct media_facts *out, struct error *err)
{
    enum process_result result = PROCESS_DIED;
    struct answer_view answer;
    bool is_busy = false;

    if (!process_is_at_rest(process))
        process_stop(process);
    for (int i = 0; i < 2 && (result == PROCESS_DIED || result == PROCESS_MADNESS); i++) {
        if (process->pid_fd < 0 && !process_start(process, &pool->options, err))
            return false;
        result = ask_once(process, request, fd, mem, &answer, &is_busy);
    }
    if (result != PROCESS_ANSWERED)
        return gave_up(result, is_busy, err);
    if (answer.retiring)
        process_stop(process);
    return conclude(&answer, out, err);
}

bool media_probe(struct media_pool *pool, int fd, uint64_t size, const char *name,
                 struct arena *mem, struct media_facts *out, struct error *err)
{
    struct media_request request = {.magic = REQUEST_MAGIC,
                                    .limit_ms = (uint32_t)pool->options.timeout_ms};
    struct media_process *process;
    struct stat status;
    bool done;

    (void)name; /* the bytes of every format that is read tell it */
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return error_set(err, ERR_UNAVAILABLE, "probe: not a regular file");
    request.size_bytes = (uint64_t)status.st_size < size ? (uint64_t)status.st_size : size;
    assert(!pool->options.for_works);
    process = pool_acquire(pool);
    done = ask(pool, process, &request, fd, mem, out, err);
    pool_give_back(pool, process);
    return done;
}
