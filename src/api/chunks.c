/* The chunks of /v1/chunked-uploads, and the completion. */
#include "api/claims.h"
#include "api/receive.h"
#include "api/resources.h"
#include "api/sessions.h"
#include "api/views.h"

/* ---- one chunk ---- */

/* Where a chunk lies in its file. */
struct place {
    uint64_t index, total;
    uint64_t offset, length; /* bytes */
};

static bool find_place(const struct request *req, const struct session *session, struct place *out,
                       struct error *err)
{
    uint64_t size = session_chunk_size(session);

    if (size == 0)
        return error_tell(err, ERR_CONFLICT, "the upload's length is not known yet");
    out->total = (session->file_size - 1) / size + 1;
    if (!str_to_u64(str_from(request_param(req, "index")), out->total - 1, &out->index))
        return error_tell(err, ERR_CHUNK_INDEX, "the chunk's index must be a number from 0 to %llu",
                          (unsigned long long)(out->total - 1));
    out->offset = out->index * size;
    out->length = session->file_size - out->offset < size ? session->file_size - out->offset : size;
    return true;
}

static bool check_length(const struct request *req, const struct place *place, struct error *err)
{
    uint64_t length = request_body_length(req);

    if (length == REQUEST_LENGTH_UNKNOWN || length == place->length)
        return true;
    return error_tell(err, ERR_CHUNK_SIZE, "chunk %llu has %llu bytes, not %llu",
                      (unsigned long long)place->index, (unsigned long long)place->length,
                      (unsigned long long)length);
}

/* The body, counted: what came says whether a chunk of unknown length was of the right one. */
struct counted {
    struct source base;
    struct source *body;
    uint64_t bytes;
    bool has_ended; /* as the framing says, not because the client went away */
};

static bool read_counted(struct source *self, void *buf, size_t size, size_t *out,
                         struct error *err)
{
    struct counted *counted = (struct counted *)self;

    if (!counted->body->read(counted->body, buf, size, out, err))
        return false;
    counted->bytes += *out;
    counted->has_ended = *out == 0;
    return true;
}

static void tell_length(const struct place *place, const struct counted *counted, struct error *err)
{
    if (counted->bytes > place->length)
        error_tell(err, ERR_CHUNK_SIZE, "chunk %llu has %llu bytes, not more",
                   (unsigned long long)place->index, (unsigned long long)place->length);
    else if (err->kind == ERR_INCOMPLETE && counted->has_ended)
        error_tell(err, ERR_CHUNK_SIZE, "chunk %llu has %llu bytes, not %llu",
                   (unsigned long long)place->index, (unsigned long long)place->length,
                   (unsigned long long)counted->bytes);
}

static bool late_check(void *context, struct checksum **out, struct error *err)
{
    return claims_late_check(context, out, err);
}

static bool write_chunk(struct request *req, const struct session *session,
                        const struct place *place, struct resumable_state *out, struct error *err)
{
    scoped(checksum_release) struct checksum *md5 = NULL, *sha256 = NULL;
    struct digest_claims claims;
    struct counted body = {.base = {read_counted}, .body = request_body(req)};
    struct resumable_write write = {.offset = place->offset,
                                    .length = place->length,
                                    .all_or_nothing = true,
                                    .body = &body.base,
                                    .late_check = late_check,
                                    .interrupt = session_interrupt,
                                    .context = req};

    if (!claims_read(req, claims_header, &claims, err))
        return false;
    claims_checks(&claims, &md5, &sha256);
    write.checks[0] = md5;
    write.checks[1] = sha256;
    if (resumable_write(req->app, session->workspace_id, session->id, &write, req->mem, out, err))
        return true;
    if (request_body_length(req) == REQUEST_LENGTH_UNKNOWN)
        tell_length(place, &body, err);
    return false;
}

/* ---- answers ---- */

/* {chunk_index, completed, total, progress}, and the upload once it is made. */
static bool answer_chunk(struct response *res, const struct place *place, uint64_t completed,
                         const struct upload *upload, struct error *err)
{
    scoped(buf_release) struct buf out = {0};
    struct emitter json = emit_to(&out);
    char id[UUID_TEXT_SIZE];

    buf_init(&out, VIEW_PAGE_BYTES);
    emit_open_object(&json, NULL);
    emit_count(&json, "chunk_index", place->index);
    emit_count(&json, "completed", completed);
    emit_count(&json, "total", place->total);
    emit_milli(&json, "progress", (int64_t)(completed * 1000 / place->total));
    if (upload) {
        view_upload(&json, "upload", upload);
        uuid_format(upload->id, id);
        response_header_printf(res, "Content-Location", "/v1/uploads/%s", id);
    }
    emit_close_object(&json);
    return view_send(res, 200, &out, err);
}

/* The last chunk finishes the upload; so does, once more, a retry of any. */
static bool finish_and_answer(struct request *req, const struct session *session,
                              const struct place *place, struct response *res, struct error *err)
{
    struct ingest_outcome outcome;

    if (!resumable_finish(req->app, session->workspace_id, session->id, req->mem, &outcome, err))
        return false;
    return answer_chunk(res, place, place->total, &outcome.upload, err);
}

bool put_chunk(struct request *req, const struct caller *who, struct response *res,
               struct error *err)
{
    struct resumable_state state;
    struct place place;

    if (!receive_check_coding(req, err) || !session_of_request(req, who, &state, err))
        return false;
    if (state.session.status == SESSION_FAILED)
        return resumable_failure(&state.session, err);
    if (!find_place(req, &state.session, &place, err) || !check_length(req, &place, err))
        return false;
    if (!write_chunk(req, &state.session, &place, &state, err))
        return false;
    if (resumable_is_whole(&state) || state.session.status == SESSION_COMPLETED)
        return finish_and_answer(req, &state.session, &place, res, err);
    return answer_chunk(
        res, &place,
        part_set_chunks(&state.parts, state.session.file_size, session_chunk_size(&state.session)),
        NULL, err);
}

bool post_chunked_upload_complete(struct request *req, const struct caller *who,
                                  struct response *res, struct error *err)
{
    struct ingest_outcome outcome;
    char text[UUID_TEXT_SIZE];
    struct uuid id;

    if (!endpoint_id(req, &id, err))
        return false;
    if (!resumable_finish(req->app, who->workspace_id, id, req->mem, &outcome, err))
        return false;
    uuid_format(outcome.upload.id, text);
    response_header_printf(res, "Location", "/v1/uploads/%s", text);
    return view_answer_upload(res, outcome.result == INGEST_EXISTING ? 200 : 201, &outcome.upload,
                              err);
}
