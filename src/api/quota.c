#include "api/members.h"
#include "api/quota_input.h"
#include "api/resources.h"
#include "api/views.h"
#include "service/ingest.h"

#define STORAGE_CLASS_MAX 50 /* bytes */
#define DAYS_MAX 36500

struct quota_members {
    struct member_value max_storage_bytes, max_file_count, max_file_size, max_monthly_uploads;
    struct member_value retention_days, archive_threshold_days, auto_cleanup;
    struct member_value archive_storage_class;
};

/* The members of limits come first: see QUOTA_LIMITS. */
#define QUOTA_MEMBERS(in)                                                                        \
    {                                                                                            \
        {"max_storage_bytes", MEMBER_COUNT, false, true, 0, INT64_MAX, &(in).max_storage_bytes}, \
            {"max_file_count", MEMBER_COUNT, false, true, 0, INT64_MAX, &(in).max_file_count},   \
            {"max_file_size", MEMBER_COUNT, false, true, 0, INT64_MAX, &(in).max_file_size},     \
            {"max_monthly_uploads",    MEMBER_COUNT, false, true, 0, INT64_MAX,                  \
             &(in).max_monthly_uploads},                                                         \
            {"retention_days", MEMBER_COUNT, false, true, 1, DAYS_MAX, &(in).retention_days},    \
            {"archive_threshold_days",    MEMBER_COUNT, false, true, 1, DAYS_MAX,                \
             &(in).archive_threshold_days},                                                      \
            {"auto_cleanup", MEMBER_BOOL, false, false, 0, 0, &(in).auto_cleanup},               \
            {"archive_storage_class",    MEMBER_TEXT, false, true, 1, STORAGE_CLASS_MAX,         \
             &(in).archive_storage_class},                                                       \
    }
#define QUOTA_LIMITS 4

static void set_limit(const struct member_value *value, struct quota_limit *out)
{
    if (value->given)
        *out = value->null ? quota_unlimited() : quota_limit_of(value->count);
}

static void set_limits(const struct quota_members *in, struct quota_limits *out)
{
    set_limit(&in->max_storage_bytes, &out->max_storage_bytes);
    set_limit(&in->max_file_count, &out->max_file_count);
    set_limit(&in->max_file_size, &out->max_file_size);
    set_limit(&in->max_monthly_uploads, &out->max_monthly_uploads);
}

bool quota_input(const json_t *object, struct quota_limits *limits,
                 struct quota_lifecycle *lifecycle, struct error *err)
{
    struct quota_members in = {0};
    const struct member table[] = QUOTA_MEMBERS(in);

    if (!members_take(object, table, COUNT_OF(table), err))
        return false;
    set_limits(&in, limits);
    set_limit(&in.retention_days, &lifecycle->retention_days);
    set_limit(&in.archive_threshold_days, &lifecycle->archive_threshold_days);
    if (in.auto_cleanup.given)
        lifecycle->auto_cleanup = in.auto_cleanup.yes;
    if (in.archive_storage_class.given)
        lifecycle->archive_storage_class =
            in.archive_storage_class.null ? NULL : in.archive_storage_class.text;
    return true;
}

bool quota_input_limits(const json_t *object, struct quota_limits *limits, struct error *err)
{
    struct quota_members in = {0};
    const struct member table[] = QUOTA_MEMBERS(in);

    if (!members_take(object, table, QUOTA_LIMITS, err))
        return false;
    set_limits(&in, limits);
    return true;
}

static bool read_quota(struct request *req, const struct caller *who, struct quota *out,
                       struct error *err)
{
    scoped(db_release) struct db *db = NULL;

    return database_read(req->app->database, &db, err) &&
           quota_read(db, who->workspace_id, app_now_us(req->app), req->mem, out, err);
}

bool get_quota(struct request *req, const struct caller *who, struct response *res,
               struct error *err)
{
    scoped(buf_release) struct buf out = {0};
    struct emitter json = emit_to(&out);
    struct quota quota;

    buf_init(&out, VIEW_SMALL_BYTES);
    if (!read_quota(req, who, &quota, err))
        return false;
    view_quota(&json, &quota);
    return view_send(res, 200, &out, err);
}

struct quota_change {
    struct uuid workspace_id;
    const json_t *body;
    int64_t now_us;
    struct arena *mem;
};

/* What is not named stays as it is at this moment. */
static bool change_work(struct db *tx, void *context, struct error *err)
{
    const struct quota_change *change = context;
    struct quota quota;

    return quota_read(tx, change->workspace_id, change->now_us, change->mem, &quota, err) &&
           quota_input(change->body, &quota.limits, &quota.lifecycle, err) &&
           quota_set(tx, change->workspace_id, &quota.limits, &quota.lifecycle, change->now_us,
                     err);
}

bool put_quota(struct request *req, const struct caller *who, struct response *res,
               struct error *err)
{
    scoped(members_release) json_t *body = NULL;
    struct quota_change change = {
        .workspace_id = who->workspace_id, .now_us = app_now_us(req->app), .mem = req->mem};

    if (!members_read(req, false, &body, err))
        return false;
    change.body = body;
    return database_write(req->app->database, change_work, &change, err) &&
           get_quota(req, who, res, err);
}

static bool answer_check(struct response *res, const struct quota *quota, uint64_t bytes,
                         struct error *err)
{
    struct quota_limit remaining = quota_remaining_bytes(quota);
    scoped(buf_release) struct buf out = {0};
    struct emitter json = emit_to(&out);
    struct error refusal;
    bool fits = quota_check_file(quota, bytes, &refusal);

    buf_init(&out, VIEW_SMALL_BYTES);
    emit_open_object(&json, NULL);
    emit_bool(&json, "can_upload", fits);
    emit_text(&json, "code", fits ? NULL : error_code(&refusal));
    if (remaining.limited)
        emit_count(&json, "remaining_bytes", remaining.value);
    else
        emit_null(&json, "remaining_bytes");
    emit_close_object(&json);
    return view_send(res, 200, &out, err);
}

/* The server's own limit is asked first, as when uploading. */
static void apply_server_limit(const struct app *app, struct quota *quota)
{
    struct quota_limit *limit = &quota->limits.max_file_size;
    uint64_t most = ingest_largest_file(app);

    if (!limit->limited || limit->value > most)
        *limit = quota_limit_of(most);
}

bool post_quota_check(struct request *req, const struct caller *who, struct response *res,
                      struct error *err)
{
    struct member_value size = {0};
    const struct member table[] = {{"file_size", MEMBER_COUNT, true, false, 0, INT64_MAX, &size}};
    scoped(members_release) json_t *body = NULL;
    struct quota quota;

    if (!members_read(req, false, &body, err) || !members_take(body, table, COUNT_OF(table), err) ||
        !read_quota(req, who, &quota, err))
        return false;
    apply_server_limit(req->app, &quota);
    return answer_check(res, &quota, size.count, err);
}
