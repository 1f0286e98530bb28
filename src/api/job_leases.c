/* /v1/jobs for workers: lease, heartbeat, complete, fail. */
#include "api/job_view.h"
#include "api/lists.h"
#include "api/members.h"
#include "api/resources.h"
#include "base/json_text.h"
#include "service/leases.h"
#include "service/queue.h"

#define KINDS_MAX 32
#define COUNT_MAX 100
#define LEASE_MAX_S (24 * 3600)
#define WAIT_MAX_S 60
#define WORKER_NAME_MAX 100
#define END_MAX_BYTES (JOB_RESULT_MAX + 4096)

/* ---- leasing ---- */

static bool read_kinds(struct request *req, json_t *list, struct lease_wish *out, struct error *err)
{
    const char **kinds = arena_array(req->mem, KINDS_MAX, sizeof *kinds);
    const struct queue_kind *known;
    size_t i;
    json_t *item;

    json_array_foreach(list, i, item)
    {
        kinds[i] = json_string_value(item);
        if (!kinds[i] || !job_kind_is_valid(kinds[i]))
            return error_tell(err, ERR_INVALID, "kinds must be names of kinds");
        known = queue_kind(req->app->queue, kinds[i]);
        if (known && known->is_built_in)
            return error_tell(err, ERR_INVALID, "kinds: %s is run by the server itself", kinds[i]);
        for (size_t j = 0; j < i; j++)
            if (strcmp(kinds[i], kinds[j]) == 0)
                return error_tell(err, ERR_INVALID, "kinds: %s is there twice", kinds[i]);
    }
    out->kinds = kinds;
    out->kind_count = json_array_size(list);
    return true;
}

static bool read_wish(struct request *req, const json_t *body, struct lease_wish *out,
                      uint64_t *wait_s, struct error *err)
{
    struct member_value kinds = {0}, count = {.count = 1}, lease = {0}, wait = {0}, worker = {0};
    const struct member table[] = {
        {"kinds", MEMBER_LIST, true, false, 1, KINDS_MAX, &kinds},
        {"count", MEMBER_COUNT, false, false, 1, COUNT_MAX, &count},
        {"lease_s", MEMBER_COUNT, false, false, 1, LEASE_MAX_S, &lease},
        {"wait_s", MEMBER_COUNT, false, false, 0, WAIT_MAX_S, &wait},
        {"worker", MEMBER_TEXT, false, false, 1, WORKER_NAME_MAX, &worker},
    };

    if (!members_take(body, table, COUNT_OF(table), err) ||
        !read_kinds(req, kinds.object, out, err))
        return false;
    out->count = (size_t)count.count;
    out->lease_us = (int64_t)lease.count * US_PER_S;
    out->worker = worker.given ? worker.text : req->client;
    *wait_s = wait.count;
    return true;
}

static bool should_end(void *request)
{
    return request_should_end(request);
}

/* A request that waits holds a thread, so only so many may: the others hear at once that there is
 * nothing, and when to come again. */
static bool lease_or_wait(struct request *req, const struct lease_wish *wish, uint64_t wait_s,
                          struct response *res, struct job **jobs, size_t *count, struct error *err)
{
    int64_t until_us = clock_monotonic_us() + (int64_t)wait_s * US_PER_S;
    bool leased;

    if (wait_s == 0 || !queue_enter_waiting(req->app->queue)) {
        if (!leases_take(req->app, wish, req->mem, jobs, count, err))
            return false;
        if (wait_s > 0 && *count == 0)
            response_header(res, "Retry-After", "1");
        return true;
    }
    leased = leases_await(req->app, wish, until_us, should_end, req, req->mem, jobs, count, err);
    queue_leave_waiting(req->app->queue);
    return leased;
}

static bool send_leased(struct response *res, const struct job *jobs, size_t count,
                        struct error *err)
{
    scoped(buf_release) struct buf out = {0};
    struct emitter json = emit_to(&out);

    buf_init(&out, VIEW_PAGE_BYTES);
    emit_open_object(&json, NULL);
    emit_open_list(&json, "items");
    for (size_t i = 0; i < count; i++)
        view_job(&json, &jobs[i], true);
    emit_close_list(&json);
    emit_close_object(&json);
    return view_send(res, 200, &out, err);
}

bool post_jobs_lease(struct request *req, const struct caller *who, struct response *res,
                     struct error *err)
{
    scoped(members_release) json_t *body = NULL;
    struct lease_wish wish = {.workspace_id = who->workspace_id};
    struct job *jobs;
    uint64_t wait_s;
    size_t count;

    return members_read(req, false, &body, err) && read_wish(req, body, &wish, &wait_s, err) &&
           lease_or_wait(req, &wish, wait_s, res, &jobs, &count, err) &&
           send_leased(res, jobs, count, err);
}

/* ---- holding and ending ---- */

#define TOKEN_MEMBER(value)                                              \
    {                                                                    \
        "lease_token", MEMBER_COUNT, true, false, 1, INT64_MAX, &(value) \
    }

/* Lease tokens count from 1: who guesses that of a job which the server itself does must not end
 * it. */
static bool held_of(struct request *req, const struct caller *who, const struct member_value *token,
                    struct held_job *out, struct error *err)
{
    scoped(db_release) struct db *db = NULL;
    const struct queue_kind *kind;
    struct job job;

    *out = (struct held_job){.workspace_id = who->workspace_id, .token = (int64_t)token->count};
    if (!endpoint_id(req, &out->id, err) || !database_read(req->app->database, &db, err) ||
        !job_by_id(db, who->workspace_id, out->id, req->mem, &job, err))
        return false;
    kind = queue_kind(req->app->queue, job.kind);
    if (kind && kind->is_built_in)
        return error_tell(err, ERR_LEASE_LOST, "the server itself does the jobs of %s", job.kind);
    return true;
}

bool post_job_heartbeat(struct request *req, const struct caller *who, struct response *res,
                        struct error *err)
{
    struct member_value token = {0}, progress = {0}, lease = {0};
    const struct member table[] = {
        TOKEN_MEMBER(token),
        {"progress", MEMBER_MILLI, false, false, 0, 1, &progress},
        {"lease_s", MEMBER_COUNT, false, false, 1, LEASE_MAX_S, &lease},
    };
    scoped(members_release) json_t *body = NULL;
    struct held_job held;
    struct job job;

    return members_read(req, false, &body, err) &&
           members_take(body, table, COUNT_OF(table), err) &&
           held_of(req, who, &token, &held, err) &&
           leases_heartbeat(req->app, &held, (int64_t)lease.count * US_PER_S,
                            progress.given ? (int32_t)progress.number : -1, req->mem, &job, err) &&
           view_answer_job(res, 200, &job, true, err);
}

static bool read_result(struct request *req, const struct member_value *result, const char **out,
                        struct error *err)
{
    scoped(memory_free) char *text = NULL;

    if (!result->given || result->null)
        return true;
    text = json_text_write(result->object, JSON_COMPACT);
    if (!text || strlen(text) > JOB_RESULT_MAX)
        return error_tell(err, ERR_INVALID, "result must have at most %zu bytes", JOB_RESULT_MAX);
    *out = arena_strdup(req->mem, text);
    return true;
}

bool post_job_complete(struct request *req, const struct caller *who, struct response *res,
                       struct error *err)
{
    struct member_value token = {0}, result = {0};
    const struct member table[] = {
        TOKEN_MEMBER(token),
        {"result", MEMBER_OBJECT, false, true, 0, 0, &result},
    };
    scoped(members_release) json_t *body = NULL;
    struct job_end end = {.outcome = OUTCOME_COMPLETED};
    struct job job;

    return members_read_large(req, END_MAX_BYTES, &body, err) &&
           members_take(body, table, COUNT_OF(table), err) &&
           held_of(req, who, &token, &end.job, err) &&
           read_result(req, &result, &end.result, err) &&
           leases_end(req->app, &end, req->mem, &job, err) &&
           view_answer_job(res, 200, &job, false, err);
}

bool post_job_fail(struct request *req, const struct caller *who, struct response *res,
                   struct error *err)
{
    struct member_value token = {0}, retryable = {.yes = true}, code = {0}, message = {0};
    const struct member table[] = {
        TOKEN_MEMBER(token),
        {"error_code", MEMBER_TEXT, true, false, 1, JOB_ERROR_CODE_MAX, &code},
        {"error_message", MEMBER_PROSE, false, false, 1, JOB_ERROR_MESSAGE_MAX, &message},
        {"retryable", MEMBER_BOOL, false, false, 0, 0, &retryable},
    };
    scoped(members_release) json_t *body = NULL;
    struct job_end end = {0};
    struct job job;

    if (!members_read(req, false, &body, err) || !members_take(body, table, COUNT_OF(table), err) ||
        !held_of(req, who, &token, &end.job, err))
        return false;
    if (!job_kind_is_valid(code.text)) /* it stands in history, and programs look at it */
        return error_tell(err, ERR_INVALID, "error_code: small letters, digits, - and _");
    end.outcome = retryable.yes ? OUTCOME_RETRYABLE : OUTCOME_FAILED;
    end.code = code.text;
    end.message = message.given ? message.text : "the worker gave no reason";
    return leases_end(req->app, &end, req->mem, &job, err) &&
           view_answer_job(res, 200, &job, false, err);
}
