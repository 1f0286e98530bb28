/* /v1/jobs for people: list, ask for, cancel, retry; and the retry of an upload. */
#include "api/idempotent.h"
#include "api/job_view.h"
#include "api/lists.h"
#include "api/members.h"
#include "api/resources.h"
#include "base/json_text.h"
#include "service/enqueue.h"

/* ---- reading ---- */

static bool read_filter(struct request *req, const struct caller *who, struct job_filter *filter,
                        enum job_status *status, struct error *err)
{
    const char *upload_id = NULL, *name = NULL;

    filter->workspace_id = who->workspace_id;
    if (!request_query(req, "kind", &filter->kind, err) ||
        !request_query(req, "status", &name, err) ||
        !request_query(req, "upload_id", &upload_id, err))
        return false;
    if (upload_id && !uuid_parse(str_from(upload_id), &filter->upload_id))
        return error_tell(err, ERR_INVALID, "upload_id must be a UUID");
    if (name && !job_status_parse(name, status))
        return error_tell(
            err, ERR_INVALID,
            "status must be waiting, pending, leased, completed, failed or cancelled");
    filter->status = name ? status : NULL;
    return true;
}

static bool find_jobs(struct request *req, const struct job_filter *filter, const struct page *page,
                      struct job **items, size_t *count, struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(req->app->database, &db, err) &&
           job_list(db, filter, page->cursor.id, page->limit + 1, req->mem, items, count, err);
}

static bool send_jobs(struct response *res, int status, const struct job *jobs, size_t count,
                      const char *next, struct error *err)
{
    scoped(listing_release) struct listing listing = {0};

    listing_open(&listing);
    for (size_t i = 0; i < count; i++)
        view_job(&listing.json, &jobs[i], false);
    emit_close_list(&listing.json);
    emit_text(&listing.json, "next_cursor", next);
    emit_close_object(&listing.json);
    return view_send(res, status, &listing.out, err);
}

bool get_jobs(struct request *req, const struct caller *who, struct response *res,
              struct error *err)
{
    struct job_filter filter = {0};
    enum job_status status;
    struct job *items = NULL;
    const char *next = NULL;
    struct page page;
    size_t count = 0;

    if (!read_filter(req, who, &filter, &status, err) || !page_read(req, ORDER_IDS, &page, err) ||
        !find_jobs(req, &filter, &page, &items, &count, err))
        return false;
    if (count > page.limit) {
        count = page.limit;
        next = cursor_of_id(items[count - 1].id, req->mem);
    }
    return send_jobs(res, 200, items, count, next, err);
}

bool get_job(struct request *req, const struct caller *who, struct response *res, struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    struct uuid id;
    struct job job;

    if (!endpoint_id(req, &id, err) || !database_read(req->app->database, &db, err) ||
        !job_by_id(db, who->workspace_id, id, req->mem, &job, err))
        return false;
    db_return(take(db)); /* the client may be slow */
    return view_answer_job(res, 200, &job, false, err);
}

/* ---- asking ---- */

/* "upload", a kind, or nothing. */
static bool read_after(const struct member_value *after, struct enqueue_request *out,
                       struct error *err)
{
    if (!after->given || after->null)
        return true;
    out->after = strcmp(after->text, "upload") == 0 ? AFTER_UPLOAD : AFTER_KIND;
    out->after_kind = after->text;
    return job_kind_is_valid(after->text) ||
           error_tell(err, ERR_INVALID, "after must be \"upload\" or a kind");
}

static bool read_per(const struct member_value *per, struct enqueue_request *out, struct error *err)
{
    out->per_chunk = per->given && strcmp(per->text, "chunk") == 0;
    return !per->given || out->per_chunk || strcmp(per->text, "upload") == 0 ||
           error_tell(err, ERR_INVALID, "per must be upload or chunk");
}

static bool read_options(struct request *req, const struct member_value *options,
                         struct enqueue_request *out, struct error *err)
{
    scoped(memory_free) char *text = NULL;

    if (!options->given)
        return true;
    text = json_text_write(options->object, JSON_COMPACT);
    if (!text || strlen(text) > JOB_OPTIONS_MAX)
        return error_tell(err, ERR_INVALID, "options must have at most %zu bytes", JOB_OPTIONS_MAX);
    out->options = arena_strdup(req->mem, text);
    return true;
}

static bool read_wish(struct request *req, const json_t *body, struct enqueue_request *out,
                      struct error *err)
{
    struct member_value kind = {0}, upload_id = {0}, per = {0}, after = {0}, options = {0};
    struct member_value priority = {0}, retries = {0}, run_after = {0};
    const struct member table[] = {
        {"kind", MEMBER_TEXT, true, false, 1, JOB_KIND_MAX, &kind},
        {"upload_id", MEMBER_UUID, true, false, 0, 0, &upload_id},
        {"per", MEMBER_TEXT, false, false, 1, 16, &per},
        {"after", MEMBER_TEXT, false, true, 1, JOB_KIND_MAX, &after},
        {"options", MEMBER_OBJECT, false, false, 0, 0, &options},
        {"priority", MEMBER_INT, false, false, 0, JOB_PRIORITY_MAX, &priority},
        {"max_retries", MEMBER_COUNT, false, false, 0, JOB_RETRIES_MAX, &retries},
        {"run_after", MEMBER_TIME, false, false, 0, 0, &run_after},
    };

    if (!members_take(body, table, COUNT_OF(table), err))
        return false;
    out->kind = kind.text;
    out->upload_id = upload_id.uuid;
    out->has_priority = priority.given;
    out->priority = (int32_t)priority.number;
    out->max_retries = retries.given ? (int32_t)retries.count : -1;
    out->run_after_us = run_after.time_us;
    return read_per(&per, out, err) && read_after(&after, out, err) &&
           read_options(req, &options, out, err);
}

bool post_jobs(struct request *req, const struct caller *who, struct response *res,
               struct error *err)
{
    scoped(members_release) json_t *body = NULL;
    struct enqueue_request wish = {.workspace_id = who->workspace_id, .user_id = who->user_id};
    struct job *jobs;
    size_t count;

    return members_read(req, false, &body, err) && read_wish(req, body, &wish, err) &&
           idempotent_entry(req, who, body, app_new_id(req->app), &wish.once, err) &&
           enqueue(req->app, &wish, req->mem, &jobs, &count, err) &&
           send_jobs(res, 201, jobs, count, NULL, err);
}

/* ---- changing ---- */

bool post_job_cancel(struct request *req, const struct caller *who, struct response *res,
                     struct error *err)
{
    struct uuid id;
    struct job job;

    return endpoint_id(req, &id, err) &&
           enqueue_cancel(req->app, who->workspace_id, id, who->user_id, req->mem, &job, err) &&
           view_answer_job(res, 200, &job, false, err);
}

bool post_job_retry(struct request *req, const struct caller *who, struct response *res,
                    struct error *err)
{
    struct uuid id;
    struct job job;

    return endpoint_id(req, &id, err) &&
           enqueue_retry(req->app, who->workspace_id, id, who->user_id, req->mem, &job, err) &&
           view_answer_job(res, 200, &job, false, err);
}

bool post_upload_retry(struct request *req, const struct caller *who, struct response *res,
                       struct error *err)
{
    struct upload upload;
    struct uuid id;

    return endpoint_id(req, &id, err) &&
           enqueue_retry_upload(req->app, who->workspace_id, id, who->user_id, req->mem, &upload,
                                err) &&
           view_answer_upload(res, 200, &upload, err);
}
