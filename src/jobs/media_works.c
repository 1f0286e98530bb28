/*
 * The kinds of jobs that look at the whole of a file. They are one group: those of an upload that
 * are pending together take one decode (media/work.h).
 */
#include <math.h>
#include <string.h>

#include "base/log.h"
#include "catalog/upload_progress.h"
#include "jobs/job_kind.h"
#include "media/work.h"
#include "service/analysis_options.h"
#include "service/cache.h"
#include "service/cut_options.h"
#include "service/cut_reuse.h"
#include "service/cutting.h"
#include "service/drawing.h"

/* Beside the decode: the cache, the store, the catalog. */
#define BESIDE_MS (5 * 60 * 1000)

/* The tasks of a batch by what they are, while they are to be done; NULL: not asked for, or done.
 */
struct works {
    struct job_batch *batch;
    struct job_task *validate;
    struct job_task *chunk;
    struct cutting *cutting; /* of CHUNK */
    bool has_cut_failed;     /* and not the file, or its decode */
    struct job_task *analyze;
    struct drawing *drawing; /* of ANALYZE */
};

static bool is_of(const struct job_task *task, const struct queued_kind *kind)
{
    return task->kind == kind;
}

static uint64_t work_limit_ms(const struct app *app, const struct upload *upload)
{
    return media_work_limit_ms(app->settings.work_timeout_ms, upload->duration_ms);
}

static int64_t time_limit_ms(const struct app *app, const struct upload *upload,
                             const struct job *job)
{
    (void)job;
    return (upload ? (int64_t)work_limit_ms(app, upload) : 0) + BESIDE_MS;
}

/* ---- how it went ---- */

/* Whether another time it may go better. A media process may also have died of what the machine was
 * short of at that time. */
static bool is_worth_a_retry(const struct error *err)
{
    switch (err->kind) {
    case ERR_AUDIO_CORRUPT:
    case ERR_NOT_AUDIO:
    case ERR_INVALID:
    case ERR_TOO_MANY_CHUNKS:
    case ERR_QUOTA_STORAGE:
        return false;
    default:
        return true;
    }
}

static void fail_task(const struct works *works, struct job_task *task, const struct error *err)
{
    if (!task)
        return;
    log_event(LOG_INFO, "work failed", log_text("job", task->kind->name),
              log_text("error", err->log));
    job_task_fail(task, is_worth_a_retry(err), error_code(err),
                  arena_strdup(works->batch->mem, error_detail(err)));
}

static void fail_all(const struct works *works, const struct error *err)
{
    for (size_t i = 0; i < works->batch->count; i++)
        if (!works->batch->tasks[i].is_decided)
            fail_task(works, &works->batch->tasks[i], err);
}

/* ---- the cache ---- */

static bool cache_key_of(const struct works *works, const struct job_task *task,
                         struct cache_key *out, struct error *err)
{
    const struct upload *upload = works->batch->upload;
    const char *options =
        is_of(task, &queued_kind_chunk) ? cut_reuse_options(works->cutting) : task->job.options;

    return cache_key_make(upload->workspace_id, upload->checksum_sha256, task->kind->name,
                          str_from(options), out, err);
}

/* What the same options have found in the same content before; NULL if nothing is known of it. */
static const char *find_known(const struct works *works, const struct job_task *task)
{
    struct cache_key key;
    struct cache_result result;
    struct error err;
    bool found;

    if (!cache_key_of(works, task, &key, &err) ||
        !cache_find(works->batch->app, &key, works->batch->mem, &found, &result, &err)) {
        log_event(LOG_WARN, "the cache could not be asked", log_text("error", err.log));
        return NULL;
    }
    return found ? result.data.ptr : NULL;
}

/* A cache that does not take it is no reason to fail. */
static void keep_known(const struct works *works, const struct job_task *task, const char *found,
                       int64_t run_ms)
{
    struct cache_key key;
    struct cache_wish wish = {
        .key = &key, .data = str_from(found), .processing_time_ms = (uint64_t)run_ms};
    struct cache_entry entry;
    struct error err;

    if (!cache_key_of(works, task, &key, &err) ||
        !cache_put(works->batch->app, &wish, &entry, &err))
        log_event(LOG_DEBUG, "a result is not kept in the cache", log_text("error", err.log));
}

/* ---- validate ---- */

/* What is found of an upload, on its way into the metadata. */
struct finding {
    struct app *app;
    struct uuid upload_id;
    const char *name;
    const char *json;
};

static bool write_finding(struct db *tx, void *context, struct error *err)
{
    const struct finding *finding = context;

    return upload_set_finding(tx, finding->upload_id, finding->name, finding->json,
                              app_now_us(finding->app), err);
}

static void complete_validate(const struct works *works, const char *report, bool from_cache)
{
    struct arena *mem = works->batch->mem;
    struct finding *finding = arena_alloc(mem, sizeof *finding);

    *finding = (struct finding){works->batch->app, works->batch->upload->id, "report", report};
    works->validate->effect = finding;
    works->validate->from_cache = from_cache;
    job_task_complete(works->validate, arena_printf(mem, "{\"from_cache\":%s,\"report\":%s}",
                                                    from_cache ? "true" : "false", report));
}

static bool commit_validate(struct db *tx, const struct job_task *task, struct error *err)
{
    return !task->effect || write_finding(tx, task->effect, err);
}

/* The report says what is wrong, so it is kept though the job fails. The same is found whenever it
 * is looked for, so it does no harm that this is not the transaction that ends the job. */
static void report_corrupt(const struct works *works, const char *report)
{
    struct finding finding = {works->batch->app, works->batch->upload->id, "report", report};
    struct error err;

    if (!database_write(works->batch->app->database, write_finding, &finding, &err))
        log_event(LOG_WARN, "a report could not be kept", log_text("error", err.log));
}

static bool check_no_options(const struct app *app, const char *options, struct error *err)
{
    struct str rest = str_trim(str_from(options));

    (void)app;
    return (rest.len >= 2 && str_trim((struct str){rest.ptr + 1, rest.len - 2}).len == 0) ||
           error_tell(err, ERR_INVALID, "options: this kind has none");
}

/* ---- chunk ---- */

static bool is_to_be_cut(const struct app *app, const struct upload *upload)
{
    return upload->has_facts && upload->duration_ms > app->settings.chunk_threshold_ms;
}

static bool check_cut(const struct app *app, const char *options, struct error *err)
{
    struct media_cut cut;

    return cut_options_read(options, &app->settings.cut, &cut, err);
}

/* Fails the task by itself if it cannot be done. */
static void begin_cutting(struct works *works)
{
    struct job_batch *batch = works->batch;
    struct cutting *cutting = arena_alloc(batch->mem, sizeof *cutting);
    struct error err;

    if (!works->chunk)
        return;
    cutting->files = (struct making){.app = batch->app,
                                     .store = batch->app->stores[0],
                                     .job = &works->chunk->job,
                                     .kind = DERIVED_CHUNK,
                                     .mem = batch->mem,
                                     .should_end = &batch->should_end};
    if (!cutting_prepare(cutting, batch->upload, &err)) {
        fail_task(works, works->chunk, &err);
        works->chunk = NULL;
        return;
    }
    works->chunk->effect = works->cutting = cutting;
}

/* Gives up what was begun: no outcome, and no stages. */
static void end_cutting(struct works *works)
{
    cutting_release(works->cutting);
    works->chunk->effect = works->cutting = NULL;
    works->chunk = NULL;
}

static bool publish(const struct works *works, struct job_task *task, const struct making *files)
{
    struct error err;

    if (making_publish(files, &err))
        return true;
    if (!atomic_load(&works->batch->should_end))
        fail_task(works, task, &err);
    return false;
}

static void complete_chunk(const struct works *works, const struct cut_form *form, bool from_cache)
{
    const struct cutting *cutting = works->cutting;

    works->chunk->from_cache = from_cache;
    job_task_complete(works->chunk,
                      arena_printf(works->batch->mem,
                                   "{\"from_cache\":%s,\"chunks\":%zu,\"format\":\"%s\","
                                   "\"sample_rate\":%d,\"channels\":%d,\"bits\":%d}",
                                   from_cache ? "true" : "false", cutting->files.count,
                                   cut_format_name(cutting->cut.format), form->sample_rate_hz,
                                   form->channels, form->bits));
}

static void conclude_cutting(const struct works *works, const struct media_result *result,
                             int64_t run_ms)
{
    struct cut_form form = {result->chunk_rate_hz, result->chunk_channels, result->chunk_bits};

    if (!publish(works, works->chunk, &works->cutting->files))
        return;
    complete_chunk(works, &form, false);
    keep_known(works, works->chunk, cut_reuse_write(works->cutting, &form), run_ms);
}

/* From the cache, if an upload of the same content still has the files. */
static void cut_known(struct works *works)
{
    const char *known = works->chunk ? find_known(works, works->chunk) : NULL;
    struct cut_form form;
    struct error err;
    bool taken;

    if (!known)
        return;
    if (!cut_reuse_take(works->cutting, works->batch->upload, known, &form, &taken, &err)) {
        if (!atomic_load(&works->batch->should_end))
            fail_task(works, works->chunk, &err);
        works->chunk = NULL;
    } else if (taken) {
        complete_chunk(works, &form, true);
        works->chunk = NULL;
    }
}

/* Where it has to be cut. Fails the task by itself if it cannot be told. */
static void find_room(struct works *works)
{
    struct error err;

    if (works->chunk && !cutting_find_room(works->cutting, &err)) {
        fail_task(works, works->chunk, &err);
        works->chunk = NULL;
    }
}

static bool commit_chunk(struct db *tx, const struct job_task *task, struct error *err)
{
    return !task->effect || cutting_commit(tx, task->effect, err);
}

static void release_chunk(struct app *app, struct job_task *task, bool committed)
{
    (void)app, (void)committed;
    if (task->effect)
        cutting_release(task->effect);
}

/* ---- analyze ---- */

static bool is_audio(const struct app *app, const struct upload *upload)
{
    (void)app;
    return upload->has_facts;
}

static bool check_analysis(const struct app *app, const char *options, struct error *err)
{
    struct media_analysis analysis;

    (void)app;
    return analysis_options_read(options, &analysis, err);
}

static void end_drawing(struct works *works)
{
    drawing_release(works->drawing);
    works->analyze->effect = works->drawing = NULL;
}

/* Fails the task by itself if it cannot be done. */
static void begin_drawing(struct works *works)
{
    struct job_batch *batch = works->batch;
    struct drawing *drawing = arena_alloc(batch->mem, sizeof *drawing);
    struct error err;

    if (!works->analyze)
        return;
    drawing->files = (struct making){.app = batch->app,
                                     .store = batch->app->stores[0],
                                     .job = &works->analyze->job,
                                     .kind = DERIVED_WAVEFORM,
                                     .mem = batch->mem,
                                     .should_end = &batch->should_end};
    if (!analysis_options_read(works->analyze->job.options, &drawing->analysis, &err)) {
        fail_task(works, works->analyze, &err);
        works->analyze = NULL;
        return;
    }
    works->analyze->effect = works->drawing = drawing;
}

static bool complete_analyze(const struct works *works, const char *analysis, bool from_cache)
{
    if (!publish(works, works->analyze, &works->drawing->files))
        return false;
    works->drawing->json = analysis;
    works->analyze->from_cache = from_cache;
    job_task_complete(works->analyze,
                      arena_printf(works->batch->mem, "{\"from_cache\":%s,\"analysis\":%s}",
                                   from_cache ? "true" : "false", analysis));
    return true;
}

/* From the cache, if the waveforms that belong to it are there too. */
static void draw_known(struct works *works)
{
    const char *known = works->analyze ? find_known(works, works->analyze) : NULL;
    struct error err;
    bool copied;

    if (!known)
        return;
    if (!drawing_copy(works->drawing, works->batch->upload, known, &copied, &err)) {
        fail_task(works, works->analyze, &err);
        works->analyze = NULL;
    } else if (copied) {
        complete_analyze(works, known, true);
        works->analyze = NULL;
    } else {
        end_drawing(works);
        begin_drawing(works);
    }
}

static bool commit_analyze(struct db *tx, const struct job_task *task, struct error *err)
{
    return !task->effect || drawing_commit(tx, task->effect, err);
}

static void release_analyze(struct app *app, struct job_task *task, bool committed)
{
    (void)app, (void)committed;
    if (task->effect)
        drawing_release(task->effect);
}

/* ---- the work ---- */

static bool note_cut(struct works *works, bool well)
{
    works->has_cut_failed |= !well;
    return well;
}

static bool open_output(void *context, const struct media_output *output, int *fd,
                        struct error *err)
{
    struct works *works = context;

    return output->kind == MEDIA_OUTPUT_CHUNK
               ? note_cut(works, cutting_open(works->cutting, fd, err))
               : drawing_open(works->drawing, output, fd, err);
}

static bool written(void *context, const struct media_output *output, uint64_t size_bytes,
                    struct error *err)
{
    struct works *works = context;

    return output->kind == MEDIA_OUTPUT_CHUNK
               ? note_cut(works, cutting_written(works->cutting, size_bytes, err))
               : drawing_written(works->drawing, output, size_bytes, err);
}

static bool waveform_done(void *context, const struct media_output *output, uint64_t size_bytes,
                          struct error *err)
{
    const struct works *works = context;

    return drawing_done(works->drawing, output, size_bytes, err);
}

static bool chunk_done(void *context, const struct media_chunk *chunk, struct error *err)
{
    struct works *works = context;

    return note_cut(works, cutting_chunk_done(works->cutting, chunk, err));
}

static bool report_progress(void *context, double done, struct error *err)
{
    const struct works *works = context;
    struct job_batch *batch = works->batch;

    for (size_t i = 0; i < batch->count; i++)
        atomic_store(&batch->tasks[i].progress_milli, (int)lround(done * 1000));
    return !atomic_load(&batch->should_end) ||
           error_set(err, ERR_CONFLICT, "the work is not wanted any more");
}

/* The bytes of the upload. A record without them is a loss, not a wrong id. */
static bool open_content(const struct works *works, int *fd, uint64_t *size, struct error *err)
{
    const struct upload *upload = works->batch->upload;
    struct store *store;

    if (!app_find_store(works->batch->app, upload->storage_name, &store, err))
        return false;
    if (store_fetch(store, upload->storage_path, fd, size, err))
        return true;
    if (err->kind == ERR_NOT_FOUND) {
        err->kind = ERR_INTERNAL;
        error_client(err, "the content is missing from the store");
    }
    return false;
}

static void conclude(const struct works *works, const struct media_result *result, int64_t run_ms)
{
    if (works->validate) {
        complete_validate(works, result->report_json, false);
        keep_known(works, works->validate, result->report_json, run_ms);
    }
    if (works->chunk)
        conclude_cutting(works, result, run_ms);
    if (works->analyze && complete_analyze(works, result->analysis_json, false))
        keep_known(works, works->analyze, result->analysis_json, run_ms);
}

static bool has_work(const struct works *works)
{
    return works->validate || works->chunk || works->analyze;
}

static void do_work(struct works *works)
{
    const struct media_sink sink = {.context = works,
                                    .open = open_output,
                                    .chunk_done = chunk_done,
                                    .waveform_done = waveform_done,
                                    .progress = report_progress,
                                    .written = written};
    const struct media_order order = {.validate = works->validate != NULL,
                                      .cut = works->chunk ? &works->cutting->cut : NULL,
                                      .analysis = works->analyze ? &works->drawing->analysis : NULL,
                                      .limit_ms =
                                          work_limit_ms(works->batch->app, works->batch->upload)};
    struct media_pool *pool = works->batch->app->works;
    int64_t start_us = clock_monotonic_us();
    struct media_result result = {0};
    scoped(fd_close) int fd = -1;
    struct error err;
    uint64_t size;

    if (!pool)
        error_set(&err, ERR_UNAVAILABLE, "this process has no media processes");
    else if (open_content(works, &fd, &size, &err) &&
             media_work(pool, fd, size, &order, &sink, works->batch->mem, &result, &err))
        return conclude(works, &result, (clock_monotonic_us() - start_us) / 1000);
    if (atomic_load(&works->batch->should_end))
        return;
    /* A cut that does not suit this file, or has no room, is nothing to the others. */
    if (works->chunk &&
        (works->has_cut_failed || err.kind == ERR_INVALID || err.kind == ERR_STORAGE_FULL)) {
        fail_task(works, works->chunk, &err);
        end_cutting(works);
        if (works->analyze)
            end_drawing(works);
        begin_drawing(works);
        if (has_work(works))
            do_work(works);
        return;
    }
    if (works->validate && err.kind == ERR_AUDIO_CORRUPT)
        report_corrupt(works, result.report_json);
    fail_all(works, &err);
}

/* ---- a batch ---- */

static void find_tasks(struct works *works)
{
    for (size_t i = 0; i < works->batch->count; i++) {
        struct job_task *task = &works->batch->tasks[i];

        if (atomic_load(&task->is_lost))
            continue;
        if (is_of(task, &queued_kind_validate))
            works->validate = task;
        else if (is_of(task, &queued_kind_chunk))
            works->chunk = task;
        else if (is_of(task, &queued_kind_analyze))
            works->analyze = task;
    }
}

static void take_known(struct works *works)
{
    const char *known;

    if (works->validate && (known = find_known(works, works->validate))) {
        complete_validate(works, known, true);
        works->validate = NULL;
    }
}

/* There is nothing to be found in what is no audio, and nothing to be cut. */
static void complete_without_audio(const struct works *works)
{
    struct error err;

    for (size_t i = 0; i < works->batch->count; i++)
        if (is_of(&works->batch->tasks[i], &queued_kind_validate))
            job_task_complete(&works->batch->tasks[i], "{\"from_cache\":false,\"report\":null}");
    error_set(&err, ERR_NOT_AUDIO, "the upload has no facts");
    fail_all(works, &err);
}

static void run_works(struct job_batch *batch)
{
    struct works works = {.batch = batch};
    struct error err;

    if (!batch->upload) {
        error_tell(&err, ERR_INVALID, "such a job is of an upload");
        return fail_all(&works, &err);
    }
    if (!batch->upload->has_facts)
        return complete_without_audio(&works);
    find_tasks(&works);
    take_known(&works);
    begin_cutting(&works);
    cut_known(&works);
    find_room(&works);
    begin_drawing(&works);
    draw_known(&works);
    if (has_work(&works))
        do_work(&works);
}

const struct queued_kind queued_kind_validate = {
    .name = JOB_KIND_VALIDATE,
    .group = "media",
    .for_every_upload = true,
    .check = check_no_options,
    .time_limit_ms = time_limit_ms,
    .run = run_works,
    .commit = commit_validate,
};

const struct queued_kind queued_kind_chunk = {
    .name = JOB_KIND_CHUNK,
    .group = "media",
    .for_every_upload = true,
    .suits = is_to_be_cut,
    .check = check_cut,
    .fits = cutting_fits,
    .time_limit_ms = time_limit_ms,
    .run = run_works,
    .commit = commit_chunk,
    .release = release_chunk,
};

const struct queued_kind queued_kind_analyze = {
    .name = "analyze",
    .group = "media",
    .for_every_upload = true,
    .suits = is_audio,
    .check = check_analysis,
    .time_limit_ms = time_limit_ms,
    .run = run_works,
    .commit = commit_analyze,
    .release = release_analyze,
};
