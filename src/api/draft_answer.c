/* What answers of the IETF draft say of a session. */
#include "api/draft.h"

#define STRUCTURED_COUNT_MAX UINT64_C(999999999999999) /* RFC 9651: fifteen digits */

const char *draft_limits(const struct draft *draft, uint64_t max_size, uint64_t seconds_left)
{
    if (max_size > STRUCTURED_COUNT_MAX)
        max_size = STRUCTURED_COUNT_MAX;
    /* An empty file is none. */
    return arena_printf(draft->req->mem, "min-size=1, max-size=%ju, %s=%ju", (uintmax_t)max_size,
                        draft->version->age_limit, (uintmax_t)seconds_left);
}

const char *draft_session_limits(const struct draft *draft)
{
    struct app *app = draft->req->app;
    int64_t left_us = draft->state.session.expires_at_us - app_now_us(app);

    return draft_limits(draft, ingest_largest_file(app),
                        left_us > 0 ? (uint64_t)(left_us / US_PER_S) : 0);
}

bool draft_location(const struct draft *draft, const char **out, struct error *err)
{
    const struct session *session = &draft->state.session;
    char id[UUID_TEXT_SIZE], workspace[UUID_TEXT_SIZE];
    const char *named = NULL;

    if (!request_query(draft->req, "workspace_id", &named, err))
        return false;
    uuid_format(session->id, id);
    uuid_format(session->workspace_id, workspace);
    *out = arena_printf(draft->req->mem, "/v1/resumable-uploads/%s%s%s", id,
                        named ? "?workspace_id=" : "", named ? workspace : "");
    return true;
}

void draft_tell_state(const struct draft *draft, uint64_t offset, bool complete)
{
    response_header_always(draft->res, "Upload-Offset",
                           arena_printf(draft->req->mem, "%ju", (uintmax_t)offset));
    response_header_always(draft->res, "Upload-Complete", complete ? "?1" : "?0");
}

void draft_tell_upload(const struct draft *draft)
{
    char id[UUID_TEXT_SIZE];

    if (draft->state.session.concatenation == SESSION_PARTIAL)
        return;
    uuid_format(draft->state.session.upload_id, id);
    response_header_always(draft->res, "Content-Location",
                           arena_printf(draft->req->mem, "/v1/uploads/%s", id));
}

/* Whether a creation that failed with ERR leaves a session that nobody goes on with: nothing of it
 * has come. Who was told of it comes back after a break, or when the server can take it. */
static bool is_in_vain(const struct draft *draft, const struct error *err)
{
    const struct session *session = &draft->state.session;

    if (!draft->has_begun || session->idempotency_key || session->status != SESSION_INITIATED ||
        draft->state.offset > 0)
        return false;
    switch (err->kind) {
    case ERR_INCOMPLETE:
    case ERR_SLOW:
    case ERR_GONE_CLIENT:
        return draft->version->number == 0;
    case ERR_CONFLICT:
    case ERR_SUPERSEDED:
        return false;
    default:
        return error_status(err) < 500;
    }
}

/* Where the session is, for who has lost the 104 or was sent none. */
static void tell_location(const struct draft *draft)
{
    const char *location;
    struct error ignored;

    if (draft_location(draft, &location, &ignored))
        response_header_always(draft->res, "Location", location);
}

/* Where the client may go on, and whether it can: what has failed for good is as complete as it
 * will ever be (section 4.4.2). */
static void tell_how_it_stands(struct draft *draft, const struct error *err)
{
    struct resumable_state *state = &draft->state;
    struct error ignored;

    if (!resumable_read(draft->req->app, state->session.workspace_id, state->session.id,
                        draft->req->mem, state, &ignored))
        return;
    if (is_in_vain(draft, err) &&
        resumable_abort(draft->req->app, state->session.workspace_id, state->session.id, &ignored))
        return;
    if (draft->has_begun)
        tell_location(draft);
    if (state->session.status == SESSION_FAILED)
        response_header_always(draft->res, "Upload-Complete", "?1");
    else
        draft_tell_state(draft, state->offset, state->session.status == SESSION_COMPLETED);
}

bool draft_fail(struct draft *draft, struct error *err)
{
    uint64_t max_size = ingest_largest_file(draft->req->app);

    if (err->has_limit && err->limit < max_size)
        max_size = err->limit;
    if (error_status(err) == 413)
        response_header_always(
            draft->res, "Upload-Limit",
            draft_limits(draft, max_size,
                         (uint64_t)(draft->req->app->settings.session_ttl_us / US_PER_S)));
    if (!uuid_is_nil(draft->state.session.id) &&
        err->kind != ERR_NOT_FOUND) /* it has gone, or goes */
        tell_how_it_stands(draft, err);
    return false;
}
