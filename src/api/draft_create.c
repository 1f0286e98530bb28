/* Resumable uploads of the IETF draft that begin: POST /v1/uploads with Upload-Complete. */
#include "api/claims.h"
#include "api/draft.h"
#include "api/receive.h"

#define NAME_OF_NOBODY "upload" /* clients that know the draft alone may give none */

/*
 * "Upload-Complete: ?1" is a plain upload that asks to be made resumable: where the client would
 * not understand the interim answer, or the content is a form, it is taken as it comes. "?0" is
 * content that goes on elsewhere, which no plain upload is.
 */
bool draft_is_creation(struct request *req, const struct caller *who, struct response *res,
                       struct draft *out)
{
    draft_init(out, req, who, res);
    if (!out->fields.has_complete)
        return false;
    return !out->fields.complete ||
           (out->version->number != 0 && !request_has_type(req, "multipart/form-data"));
}

/* Content-Digest is of this request's content: the whole only if all of it comes at once. */
static bool read_claims(const struct draft *draft, struct digest_claims *whole,
                        struct digest_claims *part, struct error *err)
{
    if (draft->fields.complete)
        return claims_read(draft->req, claims_header, whole, err);
    return claims_read(draft->req, claims_header_of_whole, whole, err) &&
           claims_read(draft->req, claims_header_of_part, part, err);
}

static bool begin(struct draft *draft, const struct ingest_request *wish,
                  const struct digest_claims *claims, struct error *err)
{
    struct request *req = draft->req;
    uint64_t content = request_body_length(req);
    struct resumable_request begun = {
        .workspace_id = wish->workspace_id,
        .user_id = wish->user_id,
        .kind = SESSION_DRAFT,
        .first_bytes = content == REQUEST_LENGTH_UNKNOWN ? 0 : content,
        .declared_type = receive_declared_type(request_header(req, "Content-Type"), req->mem),
        .on_duplicate = wish->on_duplicate,
        .claims = *claims,
        .idempotency_key = wish->idempotency_key};

    draft->has_begun = receive_filename(req, NAME_OF_NOBODY, &begun.filename, err) &&
                       draft_length(draft, 0, SESSION_SIZE_UNKNOWN, &begun.size, err) &&
                       resumable_begin(req->app, &begun, req->mem, &draft->state, err);
    return draft->has_begun;
}

/* 104: from now on the client can go on after whatever happens (section 4.2.2). */
static bool announce(struct draft *draft, const char *location, struct error *err)
{
    const struct interim_field fields[] = {
        {"Upload-Draft-Interop-Version",
         arena_printf(draft->req->mem, "%u", draft->version->number)},
        {"Location", location},
        {"Upload-Limit", draft_session_limits(draft)}};

    return draft->version->number == 0 ||
           response_interim(draft->res, 104, fields, COUNT_OF(fields), false, err);
}

static bool answer_created(struct draft *draft, const char *location, struct error *err)
{
    draft_tell_state(draft, draft->state.offset, draft->state.session.status == SESSION_COMPLETED);
    response_header(draft->res, "Location", location);
    response_header(draft->res, "Upload-Limit", draft_session_limits(draft));
    return response_empty(draft->res, 201, err);
}

bool draft_create(struct draft *draft, const struct ingest_request *wish, struct error *err)
{
    struct digest_claims whole = {0}, part = {0};
    const char *location;

    if (request_has_type(draft->req, "multipart/form-data"))
        return error_tell(err, ERR_MEDIA_TYPE, "a form cannot come in several requests");
    if (!draft_check_length(draft, err) || !read_claims(draft, &whole, &part, err))
        return false;
    if (!begin(draft, wish, &whole, err))
        return draft_fail(draft, err);
    if (!draft_location(draft, &location, err) || !announce(draft, location, err))
        return false;
    /* With an Idempotency-Key it may be a session that has come some way. */
    if (!draft_take(draft, 0, false, draft->fields.complete ? NULL : &part, err))
        return false;
    return draft->fields.complete ? draft_finish(draft, err) : answer_created(draft, location, err);
}
