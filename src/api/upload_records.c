/* One upload's record: reading, changing, trash and back. */
#include "api/members.h"
#include "api/resources.h"
#include "api/upload_change.h"
#include "api/views.h"
#include "service/archive.h"
#include "service/filename.h"
#include "service/trash.h"

static struct validators validators_of(const struct upload *upload, char *etag)
{
    view_upload_etag(upload, etag);
    return (struct validators){.exists = true, .etag = etag};
}

/* What the provider says changes by itself: it is asked each time, and has no ETag. */
static bool answer_stored(struct request *req, const struct upload *upload, struct response *res,
                          struct error *err)
{
    struct store_object object;

    return archive_look(req->app, upload, &object, err) &&
           view_answer_stored_upload(res, 200, upload, &object, err);
}

bool get_upload(struct request *req, const struct caller *who, struct response *res,
                struct error *err)
{
    char etag[VIEW_ETAG_SIZE];
    struct validators validators;
    struct conditions conditions;
    struct upload upload;
    bool with_storage = false;

    if (!endpoint_upload(req, who, &upload, err) ||
        !request_query_bool(req, "storage", false, &with_storage, err))
        return false;
    if (with_storage)
        return answer_stored(req, &upload, res, err);
    validators = validators_of(&upload, etag);
    request_conditions(req, &conditions);
    switch (conditions_evaluate(&conditions, &validators, true)) {
    case CONDITION_FAILED:
        return error_set(err, ERR_PRECONDITION, "record of upload");
    case CONDITION_NOT_MODIFIED:
        response_header(res, "ETag", etag);
        return response_empty(res, 304, err);
    case CONDITION_PROCEED:
        break;
    }
    return view_answer_upload(res, 200, &upload, err);
}

/* If-Match is judged in the transaction that changes, so that no change in between is lost. */
static bool check_conditions(void *context, const struct upload *upload, struct error *err)
{
    char etag[VIEW_ETAG_SIZE];
    struct validators validators = validators_of(upload, etag);

    return request_check_conditions(context, &validators, err);
}

static bool read_change(struct request *req, const json_t *body, struct upload_change *out,
                        struct error *err)
{
    struct member_value name = {0};
    struct member_value metadata = {0};
    const struct member table[] = {
        {"original_filename", MEMBER_PROSE, false, false, 1, FILENAME_MAX_BYTES, &name},
        {"metadata", MEMBER_OBJECT, false, false, 0, 0, &metadata},
    };

    if (!members_take(body, table, COUNT_OF(table), err))
        return false;
    if (name.given && !filename_check(str_from(name.text), req->mem, &out->original_filename, err))
        return false;
    out->metadata = metadata.given ? metadata.object : NULL;
    return upload_change_check(out, err);
}

bool patch_upload(struct request *req, const struct caller *who, struct response *res,
                  struct error *err)
{
    scoped(members_release) json_t *body = NULL;
    struct upload_change change = {.workspace_id = who->workspace_id,
                                   .user_id = who->user_id,
                                   .allowed = check_conditions,
                                   .context = req};
    struct upload upload;

    if (!endpoint_upload(req, who, &upload, err) || !members_read(req, false, &body, err) ||
        !read_change(req, body, &change, err))
        return false;
    change.id = upload.id;
    return upload_change_apply(req->app, &change, req->mem, &upload, err) &&
           view_answer_upload(res, 200, &upload, err);
}

/* Who may write may not yet destroy. */
static bool purge(struct request *req, const struct caller *who, struct uuid id, struct error *err)
{
    struct upload upload;

    if (who->role < ROLE_ADMIN)
        return error_tell(err, ERR_FORBIDDEN, "permanent=true needs the role admin");
    return endpoint_upload(req, who, &upload, err) &&
           trash_purge(req->app, who->workspace_id, who->user_id, id, err);
}

bool delete_upload(struct request *req, const struct caller *who, struct response *res,
                   struct error *err)
{
    bool permanent = false;
    struct uuid id;

    if (!endpoint_id(req, &id, err) ||
        !request_query_bool(req, "permanent", false, &permanent, err))
        return false;
    if (permanent ? !purge(req, who, id, err)
                  : !trash_put(req->app, who->workspace_id, who->user_id, id, err))
        return false;
    return response_empty(res, 204, err);
}

bool post_undelete(struct request *req, const struct caller *who, struct response *res,
                   struct error *err)
{
    struct upload upload;
    struct uuid id;

    return endpoint_id(req, &id, err) &&
           trash_undelete(req->app, who->workspace_id, who->user_id, id, req->mem, &upload, err) &&
           view_answer_upload(res, 200, &upload, err);
}
