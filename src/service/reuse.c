#include "service/reuse.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/canonical_json.h"
#include "base/log.h"
#include "catalog/result.h"
#include "crypto/digest.h"
#include "service/cache.h"
#include "service/queue.h"

#define SWITCH "cache" /* the option that turns it off */
#define AFTER_MAX 32   /* kinds of which one comes after the other */

/* The server's own kinds know by themselves what they keep. */
static bool is_of_others(const struct app *app, const struct job *job)
{
    const struct queue_kind *kind = queue_kind(app->queue, job->kind);

    return !uuid_is_nil(job->upload_id) && !(kind && (kind->is_built_in || kind->is_not_kept));
}

/* Which part of the upload: by what is in it, or where it lies if it has not been cut. */
static json_t *part_of(const struct job *job, const char *chunk_sha256)
{
    return chunk_sha256 ? json_string(chunk_sha256)
                        : json_pack("{s:I, s:I}", "start_ms", (json_int_t)job->chunk_start_ms,
                                    "end_ms", (json_int_t)job->chunk_end_ms);
}

struct made_of {
    struct digest *digest;
    size_t parts;
    int64_t newest_us; /* when the last of them was completed */
};

static void add_part(void *context, const struct result_origin *origin)
{
    struct made_of *made_of = context;
    char number[32];

    snprintf(number, sizeof number, "%lld ", (long long)origin->part);
    digest_update(made_of->digest, number, strlen(number));
    digest_update(made_of->digest, origin->options, strlen(origin->options) + 1);
    if (origin->chunk_sha256)
        digest_update(made_of->digest, origin->chunk_sha256, strlen(origin->chunk_sha256));
    digest_update(made_of->digest, "\n", 1);
    made_of->parts++;
    if (origin->completed_at_us > made_of->newest_us)
        made_of->newest_us = origin->completed_at_us;
}

/* A job whose kind comes after another is about what that has found, too: of chunks that were cut
 * otherwise, or with other options, it would have found something else. *OUT is NULL if it is about
 * no such thing; *NEWEST_US is when the last of it was completed. */
static bool find_made_of(struct db *db, const struct app *app, const struct job *job,
                         struct arena *mem, const char **out, int64_t *newest_us, struct error *err)
{
    const struct queue_kind *kind = queue_kind(app->queue, job->kind);
    scoped(digest_release) struct digest *digest = digest_new(DIGEST_BEST);
    struct made_of made_of = {.digest = digest};
    struct digests digests;
    char *hex;

    *out = NULL;
    *newest_us = 0;
    for (int i = 0; uuid_is_nil(job->chunk_id) && kind && kind->after && i < AFTER_MAX; i++) {
        if (!result_made_of(db, job->upload_id, kind->after, add_part, &made_of, err))
            return false;
        digest_update(digest, "\n", 1);
        kind = queue_kind(app->queue, kind->after);
    }
    if (made_of.parts == 0)
        return true;
    digest_peek(digest, &digests);
    hex = arena_alloc(mem, HEX_SIZE(SHA256_BYTES));
    hex_encode(digests.sha256, SHA256_BYTES, hex);
    *out = hex;
    *newest_us = made_of.newest_us;
    return true;
}

/* Adds what the cache is to know of a job's options. False if they say that it is to know nothing,
 * or cannot be told from others. */
static bool add_options(const struct job *job, const char *chunk_sha256, const char *made_of,
                        struct buf *out)
{
    scoped(json_decrefp) json_t *options = NULL, *whole = NULL;
    struct error ignored;

    if (!canonical_json_read(job->options, strlen(job->options), &options, &ignored) ||
        !json_is_object(options) || json_is_false(json_object_get(options, SWITCH)))
        return false;
    json_object_del(options, SWITCH);
    if (!uuid_is_nil(job->chunk_id))
        whole = json_pack("{s:o, s:O}", "chunk", part_of(job, chunk_sha256), "options", options);
    else if (made_of)
        whole = json_pack("{s:s, s:O}", "made_of", made_of, "options", options);
    return canonical_json_write(whole ? whole : options, out, &ignored);
}

/* What the cache knows a job as. */
struct known_as {
    bool can; /* false: nothing is kept of such a job */
    struct cache_key key;
    int64_t made_of_us; /* when the last of what it is made of was completed; 0: it is of nothing */
};

static bool make_key(struct db *db, const struct app *app, const struct job *job, struct arena *mem,
                     struct known_as *out, struct error *err)
{
    scoped(buf_release) struct buf options = {0};
    const char *upload_sha256, *chunk_sha256, *made_of;
    struct error ignored;

    out->can = false;
    if (!is_of_others(app, job))
        return true;
    if (!job_content(db, job->id, mem, &upload_sha256, &chunk_sha256, err) ||
        !find_made_of(db, app, job, mem, &made_of, &out->made_of_us, err))
        return false;
    buf_init(&options, CACHE_OPTIONS_MAX);
    out->can = add_options(job, chunk_sha256, made_of, &options) &&
               cache_key_make(job->workspace_id, upload_sha256, job->kind,
                              (struct str){options.bytes, options.length}, &out->key, &ignored);
    return true;
}

/* Anybody may have put anything there, before there were rules too. */
static bool is_result(struct str data)
{
    size_t blanks = strspn(data.ptr, " \t\r\n");
    struct error ignored;

    return data.ptr[blanks] == '{' && data.len <= JOB_RESULT_MAX &&
           cache_check_result(data, &ignored);
}

bool reuse_find(struct db *tx, const struct app *app, const struct job *job, struct arena *mem,
                const char **result, struct error *err)
{
    struct known_as as;
    struct cache_result known;
    bool found;

    *result = NULL;
    if (!make_key(tx, app, job, mem, &as, err))
        return false;
    if (!as.can)
        return true;
    if (!cache_find_in(tx, app_now_us(app), &as.key, mem, &found, &known, err))
        return false;
    if (found && is_result(known.data))
        *result = known.data.ptr;
    return true;
}

/* The key is of what the results before are by now. If one of them took another's place since the
 * job was begun nobody can say which of the two its holder has read. */
static bool is_of_what_it_began_with(const struct job *job, const struct known_as *as)
{
    return as->made_of_us <= job->started_at_us;
}

void reuse_keep(struct app *app, const struct job *job, const char *result, int64_t run_ms)
{
    scoped(arena_release) struct arena *mem = arena_new();
    scoped(db_release) struct db *db = NULL;
    struct known_as as;
    struct cache_wish wish = {.key = &as.key,
                              .data = str_from(result),
                              .processing_time_ms = run_ms > 0 ? (uint64_t)run_ms : 0};
    struct cache_entry entry;
    struct error err;

    if (!database_read(app->database, &db, &err) || !make_key(db, app, job, mem, &as, &err) ||
        (as.can && is_of_what_it_began_with(job, &as) && !cache_put(app, &wish, &entry, &err)))
        log_event(LOG_DEBUG, "a result is not kept in the cache", log_text("job", job->kind),
                  log_text("error", err.log));
}
