/* POST of tus: a new upload, with or without its first bytes, or one made of partial ones. */
#include <string.h>

#include "api/claims.h"
#include "api/receive.h"
#include "api/resources.h"
#include "api/sessions.h"
#include "api/tus.h"

/* What an upload is called whose client gives it no name. */
#define USUAL_NAME "upload"

/* ---- Upload-Concat ---- */

/* The session of an upload's URL, absolute or relative: what follows its last "/v1/tus/". Which
 * host it names does not count, since proxies have names of their own. */
static bool read_partial(struct str url, struct uuid *out)
{
    static const char mark[] = "/v1/tus/";
    struct str path;

    if (!str_split(&url, '?', &path))
        return false;
    for (size_t at = path.len; at-- > 0;) {
        struct str rest = {path.ptr + at, path.len - at};

        if (str_starts_with(rest, mark))
            return uuid_parse((struct str){rest.ptr + sizeof mark - 1, rest.len - sizeof mark + 1},
                              out);
    }
    return false;
}

static bool read_partials(struct str urls, struct arena *mem, struct resumable_request *out,
                          struct error *err)
{
    struct uuid *ids = arena_array(mem, RESUMABLE_PARTIALS_MAX, sizeof *ids);
    struct str url;

    while (str_split(&urls, ' ', &url)) {
        if (url.len == 0)
            continue;
        if (out->partial_count == RESUMABLE_PARTIALS_MAX)
            return error_tell(err, ERR_INVALID, "a final upload has at most %d partial ones",
                              RESUMABLE_PARTIALS_MAX);
        if (!read_partial(url, &ids[out->partial_count++]))
            return error_tell(err, ERR_INVALID, "Upload-Concat names what is no upload here");
    }
    out->partials = ids;
    return out->partial_count > 0 ||
           error_tell(err, ERR_INVALID, "Upload-Concat names no partial upload");
}

static bool read_concatenation(const struct request *req, struct resumable_request *out,
                               struct error *err)
{
    struct str rest = str_from(request_header(req, "Upload-Concat")), word;

    if (!rest.ptr)
        return true;
    if (str_equal_text(rest, "partial")) {
        out->concatenation = SESSION_PARTIAL;
        return true;
    }
    if (!str_split(&rest, ';', &word) || !str_equal_text(word, "final"))
        return error_tell(err, ERR_INVALID, "Upload-Concat must be partial or final;URL URL ...");
    out->concatenation = SESSION_FINAL;
    return read_partials(rest, req->mem, out, err);
}

/* ---- the other headers ---- */

static bool read_size(const struct request *req, struct resumable_request *out, struct error *err)
{
    const char *deferred = request_header(req, "Upload-Defer-Length");
    bool given;

    out->size = SESSION_SIZE_UNKNOWN;
    if (!tus_count(req, "Upload-Length", &given, &out->size, err))
        return false;
    if (deferred && strcmp(deferred, "1") != 0)
        return error_tell(err, ERR_INVALID, "Upload-Defer-Length must be 1");
    if (out->concatenation == SESSION_FINAL)
        return !(given || deferred) ||
               error_tell(err, ERR_INVALID, "a final upload is as long as its partial ones");
    return given != (deferred != NULL) ||
           error_tell(err, ERR_INVALID, "say either Upload-Length or Upload-Defer-Length: 1");
}

static bool read_description(const struct request *req, struct resumable_request *out,
                             struct error *err)
{
    struct tus_metadata metadata;

    if (!tus_metadata_read(request_header(req, "Upload-Metadata"), req->mem, &metadata, err))
        return false;
    out->filename = metadata.filename ? metadata.filename : USUAL_NAME;
    out->declared_type = receive_declared_type(metadata.filetype, req->mem);
    out->metadata = metadata.rest;
    out->protocol_headers = tus_repeated_headers(req, err);
    return out->protocol_headers != NULL;
}

/* Nobody ever has the whole of a partial in hand alone: it is joined with others. */
static bool read_digest(const struct request *req, struct resumable_request *out, struct error *err)
{
    if (!claims_read(req, claims_header_of_whole, &out->claims, err))
        return false;
    return out->concatenation != SESSION_PARTIAL ||
           !(out->claims.has_md5 || out->claims.has_sha256) ||
           error_tell(err, ERR_INVALID, "a partial upload has no digest of the whole");
}

static bool has_body(const struct request *req)
{
    return request_body_length(req) > 0;
}

static bool check_body(const struct request *req, const struct resumable_request *wish,
                       struct error *err)
{
    if (!has_body(req))
        return true;
    if (wish->concatenation == SESSION_FINAL)
        return error_tell(err, ERR_INVALID, "a final upload takes no content of its own");
    return tus_check_type(req, err);
}

static bool read_wish(struct request *req, const struct caller *who, struct resumable_request *out,
                      struct error *err)
{
    const char *on_duplicate = NULL;

    *out = (struct resumable_request){
        .workspace_id = who->workspace_id, .user_id = who->user_id, .kind = SESSION_TUS};
    return request_query(req, "on_duplicate", &on_duplicate, err) &&
           receive_on_duplicate(on_duplicate, &out->on_duplicate, err) &&
           receive_idempotency_key(req, &out->idempotency_key, err) &&
           read_concatenation(req, out, err) && read_size(req, out, err) &&
           read_digest(req, out, err) && read_description(req, out, err) &&
           check_body(req, out, err);
}

/* ---- making it ---- */

/* Stays with a refusal, so that it can be read there again. The client calls it as it is, so it
 * names the workspace if the client did. */
static bool put_location(struct request *req, struct response *res, const struct session *session,
                         struct error *err)
{
    char id[UUID_TEXT_SIZE], workspace[UUID_TEXT_SIZE];
    const char *named = NULL;

    if (!request_query(req, "workspace_id", &named, err))
        return false;
    uuid_format(session->id, id);
    uuid_format(session->workspace_id, workspace);
    response_header_always(res, "Location",
                           arena_printf(req->mem, "/v1/tus/%s%s%s", id,
                                        named ? "?workspace_id=" : "", named ? workspace : ""));
    return true;
}

static bool join(struct request *req, struct response *res, struct resumable_state *state,
                 struct error *err)
{
    const struct session *session = &state->session;
    struct ingest_outcome outcome;
    bool joined;

    if (!resumable_join(req->app, session->workspace_id, session->id, req->mem, &joined, &outcome,
                        err))
        return false;
    if (joined)
        tus_put_upload(res, outcome.upload.id);
    else
        tus_put_expiry(res, session);
    return true;
}

/* Nobody knows of an upload whose first request was refused, but for one that has failed or can be
 * found by its key: it goes, and its reservation with it. */
static void forget(struct request *req, const struct session *session)
{
    struct resumable_state now;
    struct error ignored;

    if (session->idempotency_key ||
        !resumable_read(req->app, session->workspace_id, session->id, req->mem, &now, &ignored) ||
        now.session.status != SESSION_INITIATED)
        return;
    resumable_abort(req->app, session->workspace_id, session->id, &ignored);
}

/* A session that the same request made before goes on from where it stands. */
static bool take_first_bytes(struct request *req, struct response *res,
                             struct resumable_state *state, struct error *err)
{
    if (state->session.status == SESSION_INITIATED && state->offset == 0 && has_body(req) &&
        !tus_append(req, state, 0, err)) {
        forget(req, &state->session);
        return false;
    }
    if (has_body(req))
        response_header_printf(res, "Upload-Offset", "%llu", (unsigned long long)state->offset);
    return tus_complete(req, state, res, err);
}

bool post_tus(struct request *req, const struct caller *who, struct response *res,
              struct error *err)
{
    struct resumable_request wish;
    struct resumable_state state;

    if (!tus_check_version(req, res, err) || !read_wish(req, who, &wish, err) ||
        !resumable_begin(req->app, &wish, req->mem, &state, err) ||
        !put_location(req, res, &state.session, err))
        return false;
    if (state.session.status == SESSION_FAILED)
        return resumable_failure(&state.session, err);
    if (wish.concatenation == SESSION_FINAL && state.session.status == SESSION_INITIATED
            ? !join(req, res, &state, err)
            : !take_first_bytes(req, res, &state, err))
        return false;
    return response_empty(res, 201, err);
}
