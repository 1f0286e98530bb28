#include "catalog/job.h"

#include "catalog/rows.h"

#define WHY_UPLOAD_DELETED "upload_deleted"
#define WHY_NEEDED_CANCELLED "needed_job_cancelled"
#define CASCADE_PAGE 256

static const char *const status_names[] = {
    [JOB_WAITING] = "waiting",     [JOB_PENDING] = "pending", [JOB_LEASED] = "leased",
    [JOB_COMPLETED] = "completed", [JOB_FAILED] = "failed",   [JOB_CANCELLED] = "cancelled"};

const char *job_status_name(enum job_status status)
{
    return status_names[status];
}

bool job_status_parse(const char *name, enum job_status *out)
{
    for (size_t i = 0; name && i < COUNT_OF(status_names); i++)
        if (strcmp(name, status_names[i]) == 0) {
            *out = (enum job_status)i;
            return true;
        }
    return false;
}

bool job_kind_is_valid(const char *kind)
{
    size_t length = strlen(kind);

    return length > 0 && length <= JOB_KIND_MAX &&
           strspn(kind, "abcdefghijklmnopqrstuvwxyz0123456789_-") == length;
}

bool job_insert(struct db *tx, const struct job *job, struct error *err)
{
    return db_execute(tx, SQL_JOB_INSERT,
                      DB_ARGS(db_uuid(job->id), db_uuid(job->workspace_id),
                              rows_uuid(job->upload_id), rows_uuid(job->chunk_id),
                              db_text(job->kind),
                              db_text(job_status_name(job->needs > 0 ? JOB_WAITING : JOB_PENDING)),
                              db_bool(job->belongs), db_int(job->needs), db_bool(job->needs_upload),
                              db_int(job->priority),
                              db_time(job->run_after_us ? job->run_after_us : job->created_at_us),
                              db_int(job->max_retries), db_text(job->options ? job->options : "{}"),
                              db_time(job->created_at_us)),
                      NULL, err);
}

/* ---- rows ---- */

/* The columns of processing_jobs, in the order of the migrations; then those of its chunk. */
enum column {
    ID,
    WORKSPACE_ID,
    UPLOAD_ID,
    CHUNK_ID,
    KIND,
    STATUS,
    BELONGS,
    NEEDS,
    NEEDS_UPLOAD,
    PRIORITY,
    RUN_AFTER,
    ATTEMPTS,
    MAX_RETRIES,
    OPTIONS,
    LEASE_TOKEN,
    LEASE_UNTIL,
    LEASED_BY,
    PROGRESS,
    RESULT,
    ERROR_CODE,
    ERROR_MESSAGE,
    PROCESSING_TIME_MS,
    CREATED_AT,
    STARTED_AT,
    COMPLETED_AT,
    FROM_CACHE,
    CHUNK_INDEX,
    CHUNK_START,
    CHUNK_END
};

/* Long because the record is: one line a column. */
struct job job_from_row(const struct db_rows *rows, struct arena *mem)
{
    struct job job = {
        .id = db_column_uuid(rows, ID),
        .workspace_id = db_column_uuid(rows, WORKSPACE_ID),
        .upload_id = db_column_uuid(rows, UPLOAD_ID),
        .chunk_id = db_column_uuid(rows, CHUNK_ID),
        .kind = db_column_text(rows, KIND, mem),
        .belongs = db_column_bool(rows, BELONGS),
        .needs = (int32_t)db_column_int(rows, NEEDS),
        .needs_upload = db_column_bool(rows, NEEDS_UPLOAD),
        .priority = (int32_t)db_column_int(rows, PRIORITY),
        .run_after_us = db_column_time(rows, RUN_AFTER),
        .attempts = (int32_t)db_column_int(rows, ATTEMPTS),
        .max_retries = (int32_t)db_column_int(rows, MAX_RETRIES),
        .options = db_column_text(rows, OPTIONS, mem),
        .lease_token = db_column_int(rows, LEASE_TOKEN),
        .lease_until_us = db_column_time(rows, LEASE_UNTIL),
        .leased_by = db_column_text(rows, LEASED_BY, mem),
        .progress_milli = (int32_t)db_column_milli(rows, PROGRESS),
        .result = db_column_text(rows, RESULT, mem),
        .error_code = db_column_text(rows, ERROR_CODE, mem),
        .error_message = db_column_text(rows, ERROR_MESSAGE, mem),
        .has_processing_time = !db_column_is_null(rows, PROCESSING_TIME_MS),
        .processing_time_ms = db_column_int(rows, PROCESSING_TIME_MS),
        .created_at_us = db_column_time(rows, CREATED_AT),
        .started_at_us = db_column_time(rows, STARTED_AT),
        .completed_at_us = db_column_time(rows, COMPLETED_AT),
        .from_cache = db_column_bool(rows, FROM_CACHE),
        .has_chunk = !db_column_is_null(rows, CHUNK_INDEX),
        .chunk_index = (uint32_t)db_column_int(rows, CHUNK_INDEX),
        .chunk_start_ms = db_column_milli(rows, CHUNK_START),
        .chunk_end_ms = db_column_milli(rows, CHUNK_END),
    };

    job_status_parse(db_column_text(rows, STATUS, mem), &job.status);
    return job;
}

bool job_by_id(struct db *db, struct uuid workspace_id, struct uuid id, struct arena *mem,
               struct job *out, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct job found;

    if (!db_query(db, SQL_JOB_BY_ID, DB_ARGS(db_uuid(id)), &rows, err) || !db_one(rows, "job", err))
        return false;
    found = job_from_row(rows, mem);
    if (!uuid_is_nil(workspace_id) && !uuid_equal(found.workspace_id, workspace_id))
        return error_tell(err, ERR_NOT_FOUND, "job does not exist"); /* as if it were not there */
    *out = found;
    return true;
}

bool job_content(struct db *db, struct uuid id, struct arena *mem, const char **upload_sha256,
                 const char **chunk_sha256, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(db, SQL_JOB_CONTENT, DB_ARGS(db_uuid(id)), &rows, err) ||
        !db_one(rows, "job of an upload", err))
        return false;
    *upload_sha256 = db_column_text(rows, 0, mem);
    *chunk_sha256 = db_column_text(rows, 1, mem);
    return true;
}

/* Reads at most LIMIT whole jobs of ROWS. */
static bool read_jobs(struct db_rows *rows, size_t limit, struct arena *mem, struct job **out,
                      size_t *count, struct error *err)
{
    struct job *list = arena_array(mem, limit, sizeof *list);
    size_t n = 0;

    while (n < limit && db_next(rows))
        list[n++] = job_from_row(rows, mem);
    return rows_listed(rows, list, n, (void **)out, count, err);
}

static bool query_list(struct db *db, const struct job_filter *filter, struct uuid before,
                       size_t limit, struct db_rows **rows, struct error *err)
{
    struct db_value workspace = db_uuid(filter->workspace_id), last = db_uuid(before);
    struct db_value kind = db_text(filter->kind), most = db_int(limit);
    struct db_value status = db_text(filter->status ? job_status_name(*filter->status) : NULL);

    if (!uuid_is_nil(filter->upload_id))
        return db_query(db, SQL_JOB_LIST_BY_UPLOAD,
                        DB_ARGS(workspace, last, kind, most, status, db_uuid(filter->upload_id)),
                        rows, err);
    if (filter->status)
        return db_query(db, SQL_JOB_LIST_BY_STATUS, DB_ARGS(workspace, last, kind, most, status),
                        rows, err);
    return db_query(db, SQL_JOB_LIST, DB_ARGS(workspace, last, kind, most), rows, err);
}

bool job_list(struct db *db, const struct job_filter *filter, struct uuid before, size_t limit,
              struct arena *mem, struct job **out, size_t *count, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (uuid_is_nil(before))
        memset(before.bytes, 0xff, sizeof before.bytes);
    return query_list(db, filter, before, limit, &rows, err) &&
           read_jobs(rows, limit, mem, out, count, err);
}

bool job_made_with(struct db *db, struct uuid workspace_id, struct uuid id, size_t limit,
                   struct arena *mem, struct job **out, size_t *count, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    return db_query(db, SQL_JOB_MADE_WITH,
                    DB_ARGS(db_uuid(id), db_uuid(workspace_id), db_int((int64_t)limit)), &rows,
                    err) &&
           read_jobs(rows, limit, mem, out, count, err);
}

static bool is_there(struct db *db, enum sql_id statement, struct uuid upload_id, const char *kind,
                     bool *out, struct error *err)
{
    uint64_t found;

    if (!rows_count(db, statement, DB_ARGS(db_uuid(upload_id), db_text(kind)), &found, err))
        return false;
    *out = found > 0;
    return true;
}

bool job_has_belonging(struct db *db, struct uuid upload_id, const char *kind, bool *out,
                       struct error *err)
{
    return is_there(db, SQL_JOB_BELONGING_OF_KIND, upload_id, kind, out, err);
}

bool job_has_of_chunks(struct db *db, struct uuid upload_id, const char *kind, bool *out,
                       struct error *err)
{
    return is_there(db, SQL_JOB_BELONGING_OF_CHUNKS, upload_id, kind, out, err);
}

bool job_awaits_belonging(struct db *db, struct uuid upload_id, const char *kind, bool *out,
                          struct error *err)
{
    return is_there(db, SQL_JOB_UNFINISHED_BELONGING, upload_id, kind, out, err);
}

bool job_completed_belonging(struct db *db, struct uuid upload_id, const char *kind, bool *out,
                             struct error *err)
{
    return is_there(db, SQL_JOB_COMPLETED_BELONGING, upload_id, kind, out, err);
}

bool job_figures(struct db *db, struct uuid workspace_id, size_t limit, struct arena *mem,
                 struct job_figure **out, size_t *count, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct job_figure *list = arena_array(mem, limit, sizeof *list);
    size_t n = 0;

    if (uuid_is_nil(workspace_id)
            ? !db_query(db, SQL_JOB_FIGURES, DB_NO_ARGS, &rows, err)
            : !db_query(db, SQL_JOB_FIGURES_WORKSPACE, DB_ARGS(db_uuid(workspace_id)), &rows, err))
        return false;
    while (n < limit && db_next(rows))
        list[n++] = (struct job_figure){.kind = db_column_text(rows, 0, mem),
                                        .status = db_column_text(rows, 1, mem),
                                        .count = (uint64_t)db_column_int(rows, 2)};
    return rows_listed(rows, list, n, (void **)out, count, err);
}

/* ---- what waits for what ---- */

bool job_need(struct db *tx, struct uuid job, struct uuid needed, struct error *err)
{
    return db_execute(tx, SQL_JOB_NEED_ADD, DB_ARGS(db_uuid(needed), db_uuid(job)), NULL, err);
}

static bool read_ids(struct db_rows *rows, size_t limit, struct arena *mem, struct uuid **out,
                     size_t *count, struct error *err)
{
    struct uuid *list = arena_array(mem, limit, sizeof *list);
    size_t n = 0;

    while (n < limit && db_next(rows))
        list[n++] = db_column_uuid(rows, 0);
    return rows_listed(rows, list, n, (void **)out, count, err);
}

bool job_unfinished(struct db *db, struct uuid upload_id, const char *kind, struct uuid after,
                    size_t limit, struct arena *mem, struct uuid **out, size_t *count,
                    struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    return db_query(db, SQL_JOB_UNFINISHED_OF_KIND,
                    DB_ARGS(db_uuid(upload_id), db_text(kind), db_uuid(after), db_int(limit)),
                    &rows, err) &&
           read_ids(rows, limit, mem, out, count, err);
}

bool job_unfinished_of_chunk(struct db *db, struct uuid chunk_id, struct uuid after, size_t limit,
                             struct arena *mem, struct uuid **out, size_t *count, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    return db_query(db, SQL_JOB_UNFINISHED_OF_CHUNK,
                    DB_ARGS(db_uuid(chunk_id), db_uuid(after), db_int(limit)), &rows, err) &&
           read_ids(rows, limit, mem, out, count, err);
}

bool job_waiting_for_chunks(struct db *db, struct uuid upload_id, const char *kind, size_t limit,
                            struct arena *mem, struct uuid **out, size_t *count, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    return db_query(db, SQL_JOB_WAITING_FOR_CHUNKS,
                    DB_ARGS(db_uuid(upload_id), db_text(kind), db_int(limit)), &rows, err) &&
           read_ids(rows, limit, mem, out, count, err);
}

bool job_unfinished_whole(struct db *db, struct uuid upload_id, const char *kind, bool *found,
                          struct uuid *out, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(db, SQL_JOB_UNFINISHED_WHOLE, DB_ARGS(db_uuid(upload_id), db_text(kind)), &rows,
                  err))
        return false;
    *found = db_next(rows);
    if (*found)
        *out = db_column_uuid(rows, 0);
    return db_rows_ok(rows, err);
}

bool job_hold(struct db *tx, struct uuid id, uint64_t count, struct error *err)
{
    return db_execute(tx, SQL_JOB_HOLD, DB_ARGS(db_uuid(id), db_int(count)), NULL, err);
}

bool job_set_aside(struct db *tx, struct uuid upload_id, const char *kind, struct error *err)
{
    return db_execute(tx, SQL_JOB_SET_ASIDE, DB_ARGS(db_uuid(upload_id), db_text(kind)), NULL, err);
}

bool job_needs_more(struct db *tx, struct uuid job, uint64_t count, struct error *err)
{
    return db_execute(tx, SQL_JOB_NEEDS_MORE, DB_ARGS(db_uuid(job), db_int(count)), NULL, err);
}

bool job_needs_less(struct db *tx, struct uuid job, struct error *err)
{
    return db_execute(tx, SQL_JOB_NEEDS_LESS, DB_ARGS(db_uuid(job)), NULL, err);
}

bool job_under_way(struct db *db, struct uuid upload_id, const char *kind, bool *found,
                   struct uuid *out, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    if (!db_query(db, SQL_JOB_UNDER_WAY, DB_ARGS(db_uuid(upload_id), db_text(kind)), &rows, err))
        return false;
    *found = db_next(rows);
    if (*found)
        *out = db_column_uuid(rows, 0);
    return *found || db_rows_ok(rows, err);
}

bool job_release(struct db *tx, struct uuid needed, struct error *err)
{
    uint64_t waited;

    return db_execute(tx, SQL_JOB_RELEASE, DB_ARGS(db_uuid(needed)), &waited, err) &&
           (waited == 0 ||
            db_execute(tx, SQL_JOB_NEEDS_REMOVE, DB_ARGS(db_uuid(needed)), NULL, err));
}

bool job_release_upload(struct db *tx, struct uuid upload_id, struct error *err)
{
    return db_execute(tx, SQL_JOB_RELEASE_UPLOAD, DB_ARGS(db_uuid(upload_id)), NULL, err);
}

/* ---- by hand ---- */

/* Some of those that wait for NEEDED. */
static bool find_waiting(struct db *tx, struct uuid needed, struct arena *mem, struct uuid **out,
                         size_t *count, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    return db_query(tx, SQL_JOB_WAITING_FOR, DB_ARGS(db_uuid(needed), db_int(CASCADE_PAGE)), &rows,
                    err) &&
           read_ids(rows, CASCADE_PAGE, mem, out, count, err);
}

/* What waits for a job that will never be completed would wait for ever. Chains are as short as
 * people write them. */
static bool cancel_waiting(struct db *tx, struct uuid needed, int64_t now_us, struct error *err)
{
    scoped(arena_release) struct arena *mem = arena_new();
    struct uuid *ids;
    size_t count;
    bool changed;

    do {
        arena_reset(mem);
        if (!find_waiting(tx, needed, mem, &ids, &count, err))
            return false;
        for (size_t i = 0; i < count; i++)
            if (!job_cancel(tx, ids[i], now_us, WHY_NEEDED_CANCELLED,
                            "a job that this one waits for was cancelled", &changed, err))
                return false;
    } while (count > 0);
    return true;
}

bool job_cancel(struct db *tx, struct uuid id, int64_t now_us, const char *code,
                const char *message, bool *changed, struct error *err)
{
    uint64_t touched;

    if (!db_execute(tx, SQL_JOB_CANCEL,
                    DB_ARGS(db_uuid(id), db_time(now_us), db_text(code), db_text(message)),
                    &touched, err) ||
        (touched > 0 && !cancel_waiting(tx, id, now_us, err)))
        return false;
    *changed = touched > 0;
    return true;
}

bool job_cancel_of_upload(struct db *tx, struct uuid upload_id, int64_t now_us, struct error *err)
{
    return db_execute(tx, SQL_JOB_CANCEL_UPLOAD,
                      DB_ARGS(db_uuid(upload_id), db_time(now_us), db_text(WHY_UPLOAD_DELETED),
                              db_text("the upload was deleted")),
                      NULL, err);
}

bool job_revive_of_upload(struct db *tx, struct uuid upload_id, int64_t now_us, struct error *err)
{
    return db_execute(tx, SQL_JOB_REVIVE_UPLOAD,
                      DB_ARGS(db_uuid(upload_id), db_time(now_us), db_text(WHY_UPLOAD_DELETED)),
                      NULL, err);
}

bool job_retry(struct db *tx, struct uuid id, int64_t now_us, bool *changed, struct error *err)
{
    uint64_t touched;

    if (!db_execute(tx, SQL_JOB_RETRY, DB_ARGS(db_uuid(id), db_time(now_us)), &touched, err))
        return false;
    *changed = touched > 0;
    return true;
}

bool job_failed_of_upload(struct db *db, struct uuid upload_id, size_t limit, struct arena *mem,
                          struct job **out, size_t *count, struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;

    return db_query(db, SQL_JOB_FAILED_OF_UPLOAD, DB_ARGS(db_uuid(upload_id), db_int(limit)), &rows,
                    err) &&
           read_jobs(rows, limit, mem, out, count, err);
}

/* ---- old ones ---- */

bool job_forget(struct db *tx, int64_t before_us, size_t limit, uint64_t *count, struct error *err)
{
    return db_execute(tx, SQL_JOB_FORGET, DB_ARGS(db_time(before_us), db_int((int64_t)limit)),
                      count, err);
}

/* ---- pauses ---- */

static struct db_value scope_value(struct uuid workspace_id)
{
    return uuid_is_nil(workspace_id) ? db_text("all") : db_uuid(workspace_id);
}

bool job_pause(struct db *tx, const struct job_pause *pause, struct uuid user_id, struct error *err)
{
    return db_execute(tx, SQL_JOB_PAUSE,
                      DB_ARGS(db_text(pause->kind), scope_value(pause->workspace_id),
                              db_time(pause->paused_at_us), rows_uuid(user_id)),
                      NULL, err);
}

bool job_resume(struct db *tx, const char *kind, struct uuid workspace_id, struct error *err)
{
    return db_execute(tx, SQL_JOB_RESUME, DB_ARGS(db_text(kind), scope_value(workspace_id)), NULL,
                      err);
}

bool job_pauses(struct db *db, struct arena *mem, struct job_pause **out, size_t *count,
                struct error *err)
{
    scoped(db_rows_release) struct db_rows *rows = NULL;
    struct job_pause *list = NULL;
    size_t n = 0, room = 0;

    if (!db_query(db, SQL_JOB_PAUSES, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(rows)) {
        if (n == room) {
            struct job_pause *more = arena_array(mem, room ? 2 * room : 8, sizeof *more);

            if (n > 0)
                memcpy(more, list, n * sizeof *more);
            room = room ? 2 * room : 8;
            list = more;
        }
        list[n++] = (struct job_pause){.kind = db_column_text(rows, 0, mem),
                                       .workspace_id = db_column_uuid(rows, 1),
                                       .paused_at_us = db_column_time(rows, 2)};
    }
    return rows_listed(rows, list, n, (void **)out, count, err);
}
