/* PATCH of tus: bytes at the end of what is there. */
#include "api/claims.h"
#include "api/resources.h"
#include "api/sessions.h"
#include "api/tus.h"
#include "base/log.h"

bool tus_check_type(const struct request *req, struct error *err)
{
    return request_has_type(req, "application/offset+octet-stream") ||
           error_tell(err, ERR_MEDIA_TYPE,
                      "the Content-Type must be application/offset+octet-stream");
}

/* ---- checksums ---- */

static bool read_checksum(const char *text, struct checksum **out, struct error *err)
{
    struct str rest = str_from(text), name;
    uint8_t expected[CHECKSUM_MAX_BYTES];
    size_t length;

    if (!str_split(&rest, ' ', &name) ||
        !base64_decode(str_trim(rest), expected, sizeof expected, &length))
        return error_tell(err, ERR_INVALID,
                          "Upload-Checksum must be the name of an algorithm and Base64");
    *out = checksum_new(name, expected, length);
    return *out || error_tell(err, ERR_INVALID,
                              "Upload-Checksum must be a whole checksum of one of " CHECKSUM_NAMES);
}

/* "Trailer: Upload-Checksum": without it a trailer does not count (tus 1.0, "Checksum"). */
static bool announces_checksum(const struct request *req)
{
    struct str rest = str_from(request_header(req, "Trailer")), one;

    while (str_split(&rest, ',', &one))
        if (str_equal_nocase(str_trim(one), "Upload-Checksum"))
            return true;
    return false;
}

static bool checksum_behind(void *context, struct checksum **out, struct error *err)
{
    const char *trailer = request_trailer(context, "Upload-Checksum");

    if (!trailer)
        return error_tell(err, ERR_INVALID, "the Upload-Checksum that was announced has not come");
    return read_checksum(trailer, out, err);
}

static bool digest_behind(void *context, struct checksum **out, struct error *err)
{
    return claims_late_check_of_part(context, out, err);
}

/* ---- bytes ---- */

static bool write_body(struct request *req, struct resumable_write *write,
                       struct resumable_state *state, struct error *err)
{
    const struct uuid workspace_id = state->session.workspace_id, id = state->session.id;
    uint64_t length = request_body_length(req);

    write->length = length == REQUEST_LENGTH_UNKNOWN ? RESUMABLE_REST : length;
    write->is_append = true;
    write->body = request_body(req);
    write->interrupt = session_interrupt;
    write->context = req;
    if (announces_checksum(req))
        write->late_check = checksum_behind;
    else if (request_header(req, "Trailer"))
        write->late_check = digest_behind;
    write->all_or_nothing =
        write->checks[0] || write->checks[1] || write->checks[2] || write->late_check;
    return resumable_write(req->app, workspace_id, id, write, req->mem, state, err);
}

/* Digests that stand behind the body and are of the whole. */
static bool claim_behind(struct request *req, const struct session *session, struct error *err)
{
    struct digest_claims whole;

    return claims_of_trailers_of_whole(req, &whole, err) &&
           resumable_claim(req->app, session->workspace_id, session->id, &whole, req->mem, err);
}

/* A length that was deferred comes with a PATCH, which must stand at the right place: one that does
 * not changes nothing. */
static bool take_length(struct request *req, struct resumable_state *state, uint64_t offset,
                        struct error *err)
{
    const struct session *session = &state->session;
    uint64_t length;
    bool given;

    if (!tus_count(req, "Upload-Length", &given, &length, err))
        return false;
    if (!given || length == session->file_size)
        return true;
    if (session->file_size != SESSION_SIZE_UNKNOWN)
        return error_tell(err, ERR_INVALID, "the upload's length is %llu and cannot be changed",
                          (unsigned long long)session->file_size);
    if (!resumable_look(req->app, session->workspace_id, session->id, req->mem, state, err))
        return false;
    if (state->offset != offset)
        return error_tell(err, ERR_OFFSET, "the upload stands at %llu",
                          (unsigned long long)state->offset);
    return resumable_set_size(req->app, session->workspace_id, session->id, length, err);
}

bool tus_append(struct request *req, struct resumable_state *state, uint64_t offset,
                struct error *err)
{
    scoped(checksum_release) struct checksum *checksum = NULL, *md5 = NULL, *sha256 = NULL;
    const char *header = request_header(req, "Upload-Checksum");
    struct resumable_write write = {.offset = offset};
    struct digest_claims part;

    if (!claims_read(req, claims_header_of_part, &part, err) ||
        (header && !read_checksum(header, &checksum, err)) || !take_length(req, state, offset, err))
        return false;
    claims_checks(&part, &md5, &sha256);
    write.checks[0] = checksum;
    write.checks[1] = md5;
    write.checks[2] = sha256;
    if (write_body(req, &write, state, err))
        return claim_behind(req, &state->session, err);
    if (err->kind == ERR_CHECKSUM)
        err->kind = ERR_PART_CHECKSUM;
    return false;
}

/* ---- what follows ---- */

/* Whatever becomes of the final, the partial has come: its failure is told at its own URL, and
 * where it can be tried again, it is when somebody looks there. */
static void join_with(struct request *req, const struct session *partial)
{
    struct error why;

    if (!resumable_join_with(req->app, partial->workspace_id, partial->id, req->mem, &why))
        log_event(LOG_WARN, "a final upload could not be made of its partials",
                  log_text("request_id", req->id), log_text("error", why.log));
}

bool tus_complete(struct request *req, const struct resumable_state *state, struct response *res,
                  struct error *err)
{
    const struct session *session = &state->session;
    struct ingest_outcome outcome;

    if (!resumable_is_whole(state) && session->status != SESSION_COMPLETED) {
        tus_put_expiry(res, session);
        return true;
    }
    if (session->concatenation == SESSION_PARTIAL) {
        tus_put_expiry(res, session);
        join_with(req, session);
        return true;
    }
    if (!resumable_finish(req->app, session->workspace_id, session->id, req->mem, &outcome, err))
        return false;
    tus_put_upload(res, outcome.upload.id);
    return true;
}

/* ---- PATCH ---- */

static bool read_offset(const struct request *req, uint64_t *out, struct error *err)
{
    bool given;

    if (!tus_count(req, "Upload-Offset", &given, out, err))
        return false;
    return given || error_tell(err, ERR_INVALID, "a PATCH needs an Upload-Offset");
}

static bool find_appendable(struct request *req, const struct caller *who,
                            struct resumable_state *out, struct error *err)
{
    if (!session_of_request(req, who, out, err))
        return false;
    if (out->session.concatenation == SESSION_FINAL)
        return resumable_refuse_content(err);
    return out->session.status != SESSION_FAILED || resumable_failure(&out->session, err);
}

/* A Repr-Digest is of the whole, and of an append that stands at the right place. */
static bool take_digest(struct request *req, struct resumable_state *state, uint64_t offset,
                        struct error *err)
{
    const struct session *session = &state->session;
    struct digest_claims whole;

    if (!claims_read(req, claims_header_of_whole, &whole, err))
        return false;
    return state->offset != offset ||
           resumable_claim(req->app, session->workspace_id, session->id, &whole, req->mem, err);
}

bool patch_tus(struct request *req, const struct caller *who, struct response *res,
               struct error *err)
{
    struct resumable_state state;
    uint64_t offset;

    if (!tus_check_version(req, res, err) || !tus_check_type(req, err) ||
        !read_offset(req, &offset, err) || !find_appendable(req, who, &state, err) ||
        !take_digest(req, &state, offset, err) || !tus_append(req, &state, offset, err) ||
        !tus_complete(req, &state, res, err))
        return false;
    response_header_printf(res, "Upload-Offset", "%llu", (unsigned long long)state.offset);
    return response_empty(res, 204, err);
}
