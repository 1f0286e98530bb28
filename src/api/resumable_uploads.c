/* /v1/resumable-uploads/{id}: what the IETF draft calls the upload resource, of any session. */
#include "api/claims.h"
#include "api/draft.h"
#include "api/receive.h"
#include "api/resources.h"
#include "api/sessions.h"
#include "api/views.h"
#include "http/problem.h"

#define PARTIAL_UPLOAD "application/partial-upload"

/* Reads the session of the path; whoever still appends to it is cut. */
static bool look(struct draft *draft, struct error *err)
{
    struct uuid id;

    return endpoint_id(draft->req, &id, err) &&
           resumable_look(draft->req->app, draft->who->workspace_id, id, draft->req->mem,
                          &draft->state, err);
}

/* ---- HEAD, GET, DELETE, OPTIONS ---- */

static bool check_no_state(const struct draft *draft, bool with_length, struct error *err)
{
    const struct request *req = draft->req;

    if (!draft->version->refuses_state_fields ||
        !(request_header(req, "Upload-Offset") || request_header(req, "Upload-Complete") ||
          (with_length && request_header(req, "Upload-Length"))))
        return true;
    return error_tell(err, ERR_INVALID, "this request says nothing of how the upload stands");
}

static void tell_length(const struct draft *draft)
{
    uint64_t size = draft->state.session.file_size;

    if (size != SESSION_SIZE_UNKNOWN)
        response_header_printf(draft->res, "Upload-Length", "%ju", (uintmax_t)size);
}

bool head_resumable_upload(struct request *req, const struct caller *who, struct response *res,
                           struct error *err)
{
    const struct session *session;
    struct draft draft;

    draft_init(&draft, req, who, res);
    response_header_always(res, "Cache-Control", "no-store");
    if (!check_no_state(&draft, true, err) || !look(&draft, err))
        return false;
    session = &draft.state.session;
    if (session->status == SESSION_FAILED)
        return resumable_failure(session, err);
    draft_tell_state(&draft, draft.state.offset, session->status == SESSION_COMPLETED);
    tell_length(&draft);
    response_header(res, "Upload-Limit", draft_session_limits(&draft));
    if (session->status == SESSION_COMPLETED)
        draft_tell_upload(&draft);
    return response_empty(res, 204, err);
}

bool get_resumable_upload(struct request *req, const struct caller *who, struct response *res,
                          struct error *err)
{
    scoped(buf_release) struct buf out = {0};
    struct emitter json = emit_to(&out);
    struct resumable_state state;

    if (!session_of_request(req, who, &state, err))
        return false;
    buf_init(&out, VIEW_SMALL_BYTES);
    view_session(&json, NULL, &state);
    response_header(res, "Cache-Control", "no-store");
    return view_send(res, 200, &out, err);
}

bool delete_resumable_upload(struct request *req, const struct caller *who, struct response *res,
                             struct error *err)
{
    struct draft draft;
    struct uuid id;

    draft_init(&draft, req, who, res);
    return check_no_state(&draft, false, err) && endpoint_id(req, &id, err) &&
           resumable_abort(req->app, who->workspace_id, id, err) && response_empty(res, 204, err);
}

bool options_resumable_uploads(struct request *req, const struct caller *who, struct response *res,
                               struct error *err)
{
    uint64_t ttl_s = (uint64_t)(req->app->settings.session_ttl_us / US_PER_S);
    struct draft draft;

    draft_init(&draft, req, who, res);
    response_header(res, "Accept-Patch", PARTIAL_UPLOAD);
    response_header(res, "Upload-Limit",
                    draft_limits(&draft, ingest_largest_file(req->app), ttl_s));
    return response_empty(res, 204, err);
}

/* ---- PATCH ---- */

/* An append must have the field: one that is malformed is as good as none (sections 4.1.1
 * and 4.1.2), but the client should hear which it was. */
static bool need_field(const struct draft *draft, const char *name, const char *form, bool has,
                       struct error *err)
{
    if (has)
        return true;
    if (request_header(draft->req, name))
        return error_tell(err, ERR_INVALID, "%s must be %s", name, form);
    return error_tell(err, ERR_INVALID, "an append needs %s, which is %s", name, form);
}

static bool check_append(const struct draft *draft, struct error *err)
{
    const struct draft_fields *fields = &draft->fields;

    if (!request_has_type(draft->req, PARTIAL_UPLOAD)) {
        response_header_always(draft->res, "Accept-Patch", PARTIAL_UPLOAD);
        return error_tell(err, ERR_MEDIA_TYPE, "content is appended as " PARTIAL_UPLOAD);
    }
    return need_field(draft, "Upload-Offset", "a number of bytes", fields->has_offset, err) &&
           need_field(draft, "Upload-Complete", "?0 or ?1", fields->has_complete, err) &&
           draft_check_length(draft, err) && receive_check_coding(draft->req, err);
}

/* 409 with what the client needs to go on, in the problem, too (section 7.1). */
static bool answer_mismatch(struct draft *draft, struct error *err)
{
    struct request *req = draft->req;
    const char *problem;
    struct error why;
    size_t length;

    error_tell(&why, ERR_OFFSET, "the upload stands at %ju", (uintmax_t)draft->state.offset);
    problem = problem_json(&why, req->id, req->mem, &length);
    problem = arena_printf(req->mem, "%.*s,\"expected-offset\":%ju,\"provided-offset\":%ju}",
                           (int)length - 1, problem, (uintmax_t)draft->state.offset,
                           (uintmax_t)draft->fields.offset);
    draft_tell_state(draft, draft->state.offset, draft->state.session.status == SESSION_COMPLETED);
    response_header(draft->res, "Content-Type", PROBLEM_MEDIA_TYPE);
    return response_text(draft->res, error_status(&why), problem, strlen(problem), err);
}

static bool refuse_completed(struct draft *draft, struct error *err)
{
    bool has_content = request_body_length(draft->req) != 0;

    draft_tell_state(draft, draft->state.offset, true);
    draft_tell_upload(draft);
    if (has_content && draft->version->tells_length_first)
        return error_tell(err, ERR_LENGTH, "the upload is complete, with %ju bytes",
                          (uintmax_t)draft->state.offset);
    return error_tell(err, ERR_COMPLETED, "the upload is complete");
}

/* The length becomes known at the latest with the request that brings the end. */
static bool record_length(struct draft *draft, struct error *err)
{
    struct session *session = &draft->state.session;
    uint64_t length;

    if (!draft_length(draft, draft->fields.offset, session->file_size, &length, err))
        return false;
    if (length == session->file_size)
        return true;
    if (!resumable_set_size(draft->req->app, session->workspace_id, session->id, length, err))
        return false;
    session->file_size = length;
    return true;
}

/* What the request says of the whole, now that it stands where the upload does. */
static bool record_whole(struct draft *draft, const struct digest_claims *whole, struct error *err)
{
    const struct session *session = &draft->state.session;

    return record_length(draft, err) && resumable_claim(draft->req->app, session->workspace_id,
                                                        session->id, whole, draft->req->mem, err);
}

static bool append(struct draft *draft, const struct digest_claims *whole,
                   const struct digest_claims *part, struct error *err)
{
    if (!record_whole(draft, whole, err))
        return draft_fail(draft, err);
    if (!draft_take(draft, draft->fields.offset, true, part, err))
        return false;
    if (draft->fields.complete)
        return draft_finish(draft, err);
    draft_tell_state(draft, draft->state.offset, false);
    response_header(draft->res, "Upload-Limit", draft_session_limits(draft));
    return response_empty(draft->res, draft->version->appended_status, err);
}

bool patch_resumable_upload(struct request *req, const struct caller *who, struct response *res,
                            struct error *err)
{
    struct digest_claims whole, part;
    const struct session *session;
    struct draft draft;

    draft_init(&draft, req, who, res);
    if (!check_append(&draft, err) || !claims_read(req, claims_header_of_whole, &whole, err) ||
        !claims_read(req, claims_header_of_part, &part, err) || !look(&draft, err))
        return false;
    session = &draft.state.session;
    if (session->status == SESSION_FAILED) {
        resumable_failure(session, err);
        return draft_fail(&draft, err);
    }
    if (session->concatenation == SESSION_FINAL && session->status == SESSION_INITIATED) {
        resumable_refuse_content(err);
        return draft_fail(&draft, err);
    }
    if (draft.fields.offset != draft.state.offset)
        return answer_mismatch(&draft, err);
    if (session->status == SESSION_COMPLETED)
        return refuse_completed(&draft, err);
    return append(&draft, &whole, &part, err);
}
