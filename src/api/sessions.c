#include "api/sessions.h"

uint64_t session_usual_chunk_size(uint64_t file_size)
{
    uint64_t needed = (file_size + UPLOAD_CHUNKS_MAX - 1) / UPLOAD_CHUNKS_MAX;
    uint64_t mib = (uint64_t)1 << 20;

    return needed <= CHUNK_BYTES_USUAL ? CHUNK_BYTES_USUAL : (needed + mib - 1) / mib * mib;
}

uint64_t session_chunk_size(const struct session *session)
{
    if (session->chunk_size > 0)
        return session->chunk_size;
    if (session->file_size == SESSION_SIZE_UNKNOWN)
        return 0;
    return session_usual_chunk_size(session->file_size);
}

bool session_of_request(struct request *req, const struct caller *who, struct resumable_state *out,
                        struct error *err)
{
    struct uuid id;

    return endpoint_id(req, &id, err) &&
           resumable_read(req->app, who->workspace_id, id, req->mem, out, err);
}

void session_interrupt(void *context)
{
    request_interrupt(context);
}

/* ---- as JSON ---- */

static void write_range(struct emitter *json, uint64_t first, uint64_t last)
{
    emit_open_list(json, NULL);
    emit_count(json, NULL, first);
    emit_count(json, NULL, last);
    emit_close_list(json);
}

/* [first, last] of each run of chunks that are there whole, or of those that are not. */
static void write_chunks(struct emitter *json, const char *name, const struct part_set *parts,
                         uint64_t file_size, uint64_t size, bool there)
{
    uint64_t total = (file_size - 1) / size + 1, next = 0;

    emit_open_list(json, name);
    for (size_t i = 0; i < parts->count; i++) {
        struct part part = parts->parts[i];
        uint64_t first = (part.start + size - 1) / size;
        uint64_t behind = part.end == file_size ? total : part.end / size;

        if (first >= behind)
            continue; /* not one whole chunk */
        if (there)
            write_range(json, first, behind - 1);
        else if (first > next)
            write_range(json, next, first - 1);
        next = behind;
    }
    if (!there && next < total)
        write_range(json, next, total - 1);
    emit_close_list(json);
}

static void write_no_chunks(struct emitter *json)
{
    static const char *const names[] = {"chunk_size", "total_chunks",    "completed",
                                        "progress",   "received_chunks", "missing_chunks"};

    for (size_t i = 0; i < COUNT_OF(names); i++)
        emit_null(json, names[i]);
}

static void write_progress(struct emitter *json, const struct resumable_state *state)
{
    uint64_t file_size = state->session.file_size, received;
    uint64_t size = session_chunk_size(&state->session);
    struct part all = {0, file_size};
    struct part_set parts = state->parts;

    if (state->session.status == SESSION_COMPLETED)
        parts = (struct part_set){&all, 1};
    received = part_set_bytes(&parts);
    emit_count(json, "received_bytes", received);
    emit_count(json, "offset", state->offset);
    if (size == 0) {
        write_no_chunks(json);
        return;
    }
    emit_count(json, "chunk_size", size);
    emit_count(json, "total_chunks", (file_size - 1) / size + 1);
    emit_count(json, "completed", part_set_chunks(&parts, file_size, size));
    emit_milli(json, "progress", (int64_t)((double)received / (double)file_size * 1000));
    write_chunks(json, "received_chunks", &parts, file_size, size, true);
    write_chunks(json, "missing_chunks", &parts, file_size, size, false);
}

static void write_end(struct emitter *json, const struct session *session)
{
    struct error why;
    bool is_refused = resumable_refusal(session, &why);

    if (session->status == SESSION_COMPLETED && session->concatenation != SESSION_PARTIAL)
        emit_uuid(json, "upload_id", session->upload_id);
    else if (is_refused && why.has_upload)
        emit_uuid(json, "upload_id", why.upload_id);
    else
        emit_null(json, "upload_id");
    emit_text(json, "error_code", is_refused ? error_code(&why) : NULL);
    emit_text(json, "error_message", session->error_message);
}

void view_session(struct emitter *json, const char *name, const struct resumable_state *state)
{
    const struct session *session = &state->session;

    emit_open_object(json, name);
    emit_uuid(json, "id", session->id);
    emit_uuid(json, "workspace_id", session->workspace_id);
    emit_uuid(json, "user_id", session->user_id);
    emit_text(json, "protocol", session_kind_name(session->kind));
    emit_text(json, "status", session_status_name(session->status));
    emit_text(json, "filename", session->filename);
    if (session->file_size == SESSION_SIZE_UNKNOWN)
        emit_null(json, "file_size");
    else
        emit_count(json, "file_size", session->file_size);
    write_progress(json, state);
    write_end(json, session);
    emit_time(json, "created_at", session->created_at_us);
    emit_time(json, "expires_at", session->expires_at_us);
    emit_close_object(json);
}
