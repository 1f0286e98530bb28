/* The content of a request of the IETF draft: its length, its way into the session, its end. */
#include <stdio.h>

#include "api/claims.h"
#include "api/draft.h"
#include "api/receive.h"
#include "http/digest_header.h"

/* ---- length ---- */

static bool agree(uint64_t told, uint64_t *length, struct error *err)
{
    if (*length != SESSION_SIZE_UNKNOWN && *length != told)
        return error_tell(err, ERR_LENGTH, "the upload has %ju bytes, not %ju", (uintmax_t)*length,
                          (uintmax_t)told);
    *length = told;
    return true;
}

bool draft_length(const struct draft *draft, uint64_t offset, uint64_t known, uint64_t *out,
                  struct error *err)
{
    uint64_t content = request_body_length(draft->req), length = known, end;
    bool has_content = content != REQUEST_LENGTH_UNKNOWN;

    if (__builtin_add_overflow(offset, content, &end))
        end = DRAFT_LENGTH_MAX;
    if (draft->fields.has_length && !agree(draft->fields.length, &length, err))
        return false;
    if (has_content && draft->fields.complete && !agree(end, &length, err))
        return false;
    if (has_content && length != SESSION_SIZE_UNKNOWN && end > length)
        return error_tell(err, ERR_LENGTH, "the upload has %ju bytes, not %ju or more",
                          (uintmax_t)length, (uintmax_t)end);
    *out = length;
    return true;
}

/* ---- receiving ---- */

static void interrupt(void *context)
{
    const struct draft *draft = context;

    request_interrupt(draft->req);
}

static bool late_check_of_whole(void *context, struct checksum **out, struct error *err)
{
    const struct draft *draft = context;

    return claims_late_check(draft->req, out, err);
}

static bool late_check_of_part(void *context, struct checksum **out, struct error *err)
{
    const struct draft *draft = context;

    return claims_late_check_of_part(draft->req, out, err);
}

/* 104 with the offset, without Location (section 4.4.2). Whoever does not read is not told. */
static void tell_progress(void *context, uint64_t offset)
{
    const struct draft *draft = context;
    char version[12], text[24];
    const struct interim_field fields[] = {{"Upload-Draft-Interop-Version", version},
                                           {"Upload-Offset", text}};
    struct error ignored; /* who has gone away is noticed where the body is read */

    snprintf(version, sizeof version, "%u", draft->version->number);
    snprintf(text, sizeof text, "%ju", (uintmax_t)offset);
    response_interim(draft->res, 104, fields, COUNT_OF(fields), true, &ignored);
}

static bool is_overlong(const struct draft *draft, uint64_t offset, const struct error *err)
{
    uint64_t size = draft->state.session.file_size;

    return err->kind == ERR_INVALID && size != SESSION_SIZE_UNKNOWN &&
           draft->received > size - offset;
}

static bool end_session(const struct draft *draft, struct error *err)
{
    const struct session *session = &draft->state.session;
    struct error why_not;

    if (!resumable_reject(draft->req->app, session->workspace_id, session->id, err, &why_not))
        *err = why_not;
    return false;
}

/* The content was not taken. What makes the session of no use ends it: more content than the known
 * length (section 4.4.2), and a digest of the whole, behind it, that does not hold. */
static bool refuse(const struct draft *draft, uint64_t offset, bool is_whole, struct error *err)
{
    if (is_overlong(draft, offset, err)) {
        error_tell(err, ERR_LENGTH, "more than %ju bytes came",
                   (uintmax_t)draft->state.session.file_size);
        return draft->version->fails_overlong && end_session(draft, err);
    }
    return is_whole && err->kind == ERR_CHECKSUM && end_session(draft, err);
}

static bool receive(struct draft *draft, uint64_t offset, bool is_append,
                    const struct digest_claims *claims, struct error *err)
{
    scoped(checksum_release) struct checksum *md5 = NULL, *sha256 = NULL;
    const struct session *session = &draft->state.session;
    bool has_claims = claims && (claims->has_md5 || claims->has_sha256);
    struct resumable_write write = {
        .offset = offset,
        .length = RESUMABLE_REST,
        .is_append = is_append,
        .all_or_nothing = has_claims || (claims && request_header(draft->req, "Trailer")),
        .body = &draft->body,
        .late_check = claims ? late_check_of_part : late_check_of_whole,
        .interrupt = interrupt,
        .progress = draft->version->number ? tell_progress : NULL,
        .context = draft};

    if (has_claims)
        claims_checks(claims, &md5, &sha256);
    write.checks[0] = md5;
    write.checks[1] = sha256;
    if (resumable_write(draft->req->app, session->workspace_id, session->id, &write,
                        draft->req->mem, &draft->state, err))
        return true;
    return refuse(draft, offset, !claims, err);
}

/* A part is in: what was told behind it of the whole. */
static bool claim_behind(const struct draft *draft, struct error *err)
{
    const struct session *session = &draft->state.session;
    struct digest_claims whole;

    return claims_of_trailers_of_whole(draft->req, &whole, err) &&
           resumable_claim(draft->req->app, session->workspace_id, session->id, &whole,
                           draft->req->mem, err);
}

static bool take_content(struct draft *draft, uint64_t offset, bool is_append,
                         const struct digest_claims *claims, struct error *err)
{
    if (request_body_length(draft->req) == 0)
        return !claims || claims_hold_for_nothing(claims, err);
    return receive(draft, offset, is_append, claims, err) && (!claims || claim_behind(draft, err));
}

bool draft_take(struct draft *draft, uint64_t offset, bool is_append,
                const struct digest_claims *claims, struct error *err)
{
    return take_content(draft, offset, is_append, claims, err) || draft_fail(draft, err);
}

/* ---- the end ---- */

/* Whether all has come: the client says that this was the end. */
static bool check_end(struct draft *draft, struct error *err)
{
    struct session *session = &draft->state.session;

    if (session->status != SESSION_INITIATED)
        return true;
    if (session->file_size == SESSION_SIZE_UNKNOWN) {
        session->file_size = draft->state.offset;
        return resumable_set_size(draft->req->app, session->workspace_id, session->id,
                                  draft->state.offset, err);
    }
    return draft->state.offset == session->file_size ||
           error_tell(err, ERR_LENGTH, "the content ended after %ju of %ju bytes",
                      (uintmax_t)draft->state.offset, (uintmax_t)session->file_size);
}

static void tell_digest(const struct draft *draft, const struct upload *upload)
{
    struct digest_fields fields = {.has_sha256 = true};
    char header[DIGEST_HEADER_SIZE];

    if (!hex_decode(str_from(upload->checksum_sha256), fields.sha256, sizeof fields.sha256))
        return;
    digest_fields_format(&fields, header);
    response_header(draft->res, "Repr-Digest", header);
}

bool draft_finish(struct draft *draft, struct error *err)
{
    const struct session *session = &draft->state.session;
    struct receipt receipt = {0};

    if (!check_end(draft, err))
        return draft_fail(draft, err);
    receipt.stored = resumable_finish(draft->req->app, session->workspace_id, session->id,
                                      draft->req->mem, &receipt.outcome, &receipt.error);
    if (receipt.stored) {
        draft_tell_state(draft, receipt.outcome.upload.file_size, true);
        tell_digest(draft, &receipt.outcome.upload);
    } else {
        draft_fail(draft, &receipt.error);
    }
    return receipt_answer(&receipt, draft->res, err);
}
